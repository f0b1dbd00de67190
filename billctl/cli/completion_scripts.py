"""The completion scripts: what a shell runs when Tab is pressed.

Each hands the line up to the cursor to `billctl completion SHELL --complete LINE`, which prints a
word and its help per line. The output formats come from the script itself, without starting a program.
Names of files are offered after `--from-file` alone: anywhere else they would be wrong words.
"""

from billctl.cli.options import FORMATS

_FORMATS = " ".join(FORMATS)

BASH = rf"""# bash completion for billctl, printed by `billctl completion bash`

_billctl() {{
    local line=${{COMP_LINE:0:COMP_POINT}} breaks=${{COMP_WORDBREAKS//[^=:]/}} word head='' value
    COMPREPLY=()
    word=${{line##*[[:space:]]}}
    case ${{line%"$word"}} in
        *' --output ' | *' -o ')
            COMPREPLY=($(compgen -W '{_FORMATS}' -- "$word"))
            return
            ;;
    esac
    # the only word that is a file's name
    if [[ ${{3-}} == --from-file || $word == --from-file=* ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r value; do
            COMPREPLY+=("$value")
        done < <(compgen -f -- "${{2-}}")
        return
    fi
    # bash replaces only what stands after the last = or :, so that is all it may be given
    if [[ -n $breaks && $word == *[$breaks]* ]]; then
        head=${{word%"${{word##*[$breaks]}}"}}
    fi
    while IFS=$'\t' read -r value _; do
        COMPREPLY+=("${{value#"$head"}}")
    done < <("${{1/#\~/$HOME}}" completion --output tsv bash --complete "$line" 2>/dev/null)
}}

complete -F _billctl billctl
"""

ZSH = rf"""#compdef billctl
# zsh completion for billctl, printed by `billctl completion zsh`

_billctl() {{
    local -a found described
    local entry value help
    case ${{words[CURRENT-1]}} in
        --output | -o)
            compadd -- {_FORMATS}
            return
            ;;
        --from-file)
            _files
            return
            ;;
    esac
    if compset -P '--from-file='; then
        _files
        return
    fi
    found=("${{(@f)$("${{words[1]/#\~/$HOME}}" completion --output tsv zsh \
        --complete "${{(j: :)words[1,CURRENT]}}" 2>/dev/null)}}")
    for entry in $found; do
        value=${{entry%%$'\t'*}} help=${{entry#*$'\t'}}
        described+=("${{value//:/\\:}}${{help:+:$help}}")
    done
    (( $#described )) && _describe 'billctl' described
}}

if [[ ${{funcstack[1]}} == _billctl ]]; then
    _billctl "$@"
elif (( $+functions[compdef] )); then
    compdef _billctl billctl
fi
"""

FISH = rf"""# fish completion for billctl, printed by `billctl completion fish`

function __billctl_words
    set -l line (commandline --cut-at-cursor --current-process | string collect)
    if string match --quiet --regex ' (--output|-o) \S*$' -- $line
        printf '%s\n' {_FORMATS}
        return
    end
    if string match --quiet --regex ' --from-file \S*$' -- $line
        __fish_complete_path (commandline --current-token --cut-at-cursor)
        return
    end
    command billctl completion --output tsv fish --complete $line 2>/dev/null
end

complete --command billctl --no-files --keep-order --arguments '(__billctl_words)'
"""

POWERSHELL = r"""# PowerShell completion for billctl, printed by `billctl completion powershell`

Register-ArgumentCompleter -Native -CommandName billctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = $commandAst.ToString()
    $length = $cursorPosition - $commandAst.Extent.StartOffset
    $line = $typed.PadRight($length).Substring(0, $length)
    billctl completion --output tsv powershell --complete $line 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
}
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH, "powershell": POWERSHELL}
"""Shell → its script."""

FILES = {"bash": "billctl.bash", "zsh": "_billctl", "fish": "billctl.fish", "powershell": "billctl.ps1"}
"""Shell → the script's name in `completions/`."""

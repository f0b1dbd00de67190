# fish completion for billctl, printed by `billctl completion fish`

function __billctl_words
    set -l line (commandline --cut-at-cursor --current-process | string collect)
    if string match --quiet --regex ' (--output|-o) \S*$' -- $line
        printf '%s\n' table json ndjson csv tsv
        return
    end
    set -l found (command billctl completion --output tsv fish --complete $line 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path (commandline --current-token --cut-at-cursor)
    end
end

complete --command billctl --no-files --keep-order --arguments '(__billctl_words)'

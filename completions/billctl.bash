# bash completion for billctl, printed by `billctl completion bash`

_billctl() {
    local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^=:]/} word head='' value
    COMPREPLY=()
    word=${line##*[[:space:]]}
    case ${line%"$word"} in
        *' --output ' | *' -o ')
            COMPREPLY=($(compgen -W 'table json ndjson csv tsv' -- "$word"))
            return
            ;;
    esac
    # the only word that is a file's name
    if [[ ${3-} == --from-file || $word == --from-file=* ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r value; do
            COMPREPLY+=("$value")
        done < <(compgen -f -- "${2-}")
        return
    fi
    # bash replaces only what stands after the last = or :, so that is all it may be given
    if [[ -n $breaks && $word == *[$breaks]* ]]; then
        head=${word%"${word##*[$breaks]}"}
    fi
    while IFS=$'\t' read -r value _; do
        COMPREPLY+=("${value#"$head"}")
    done < <("${1/#\~/$HOME}" completion --output tsv bash --complete "$line" 2>/dev/null)
}

complete -F _billctl billctl

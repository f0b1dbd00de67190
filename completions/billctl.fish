# fish completion for billctl, printed by `billctl completion fish`

function __billctl_words
    set -l line (commandline --cut-at-cursor --current-process | string collect)
    if string match --quiet --regex ' (--output|-o) \S*$' -- $line
        printf '%s\n' table json ndjson csv tsv
        return
    end
    if string match --quiet --regex ' --from-file \S*$' -- $line
        __fish_complete_path (commandline --current-token --cut-at-cursor)
        return
    end
    command billctl completion --output tsv fish --complete $line 2>/dev/null
end

complete --command billctl --no-files --keep-order --arguments '(__billctl_words)'

# PowerShell completion for billctl, printed by `billctl completion powershell`

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

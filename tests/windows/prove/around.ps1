# Checks of prove.ps1: the programs around the service, and the end of an installation. Read into it.

Prove 'classic-code-page' 'classic output is in the code page of the console' {
    $place = New-Place 'codepage'
    $name = 'caf' + [char]0xE9
    $null = Get-JunctionJson 0 @('create', "$place\$name", $env:SystemRoot)
    Set-Content -LiteralPath "$place\run.cmd" -Encoding Ascii -Value @('@chcp 850 >nul', "@`"$junction`" -s `"$place`" >`"$place\said`"")
    $null = Invoke-Program 'cmd.exe' @('/d', '/c', "$place\run.cmd")
    $bytes = [System.IO.File]::ReadAllBytes("$place\said")
    $text = [System.Text.Encoding]::GetEncoding(28591).GetString($bytes)
    Assert ($text.Contains('caf' + [char]0x82)) 'the name is not in code page 850'
    Assert ($text -notmatch '[^\r]\n') 'a line does not end with CR LF'
}

# The whole module, used as people use it, in one of the two PowerShells.
function Test-Module {
    param([string]$Shell)
    if (-not (Get-Command $Shell -ErrorAction SilentlyContinue)) { Skip "$Shell is not installed" }
    $own = New-UserPlace "module-$([System.IO.Path]::GetFileNameWithoutExtension($Shell))"
    $source = "$work\Junction"
    if (-not (Test-Path -LiteralPath $source)) { Copy-Item -LiteralPath $Module -Destination $source -Recurse }
    $done = Invoke-Script @"
Import-Module '$source'
Set-Location '$own'
function Must(`$truth, `$what) { if (-not `$truth) { throw "not so: `$what" } }
`$null = New-Item -ItemType Directory one, two
New-Junction link one -WhatIf
Must (-not (Test-Path link)) 'WhatIf makes nothing'
`$made = New-Junction link one
Must (`$made.Outcome -eq 'created' -and `$made.Path -eq '$own\link' -and `$made.Target -eq '$own\one') 'created'
Must ((New-Junction link one).Outcome -eq 'unchanged') 'unchanged'
`$null = New-Junction link two -ErrorAction SilentlyContinue -ErrorVariable failed
Must (`$failed[0].FullyQualifiedErrorId -like 'ALREADY_EXISTS*' -and `$failed[0].CategoryInfo.Category -eq 'ResourceExists') 'error'
Must (`$failed[0].Exception.Data['name'] -eq 'ALREADY_EXISTS' -and `$failed[0].TargetObject -eq 'link') 'error object'
Must ((New-Junction link two -Replace -Expect one).PreviousTarget -eq '$own\one') 'replaced'
`$shown = Get-Junction link -Check
Must (`$shown.Type -eq 'junction' -and `$shown.State -eq 'ok' -and `$shown.Created -is [datetime]) 'shown'
Must (@(Get-Item link | Get-Junction).Count -eq 1) 'FullName from the pipeline'
`$null = New-Junction deep\er\link C:\nowhere -Parents
Must (@(Find-Junction).Count -eq 1 -and @(Find-Junction -Recurse -Type junction).Count -eq 2) 'found'
Must (@(Find-Junction -Recurse -Check | Where-Object State -eq dangling).Count -eq 1) 'dangling'
Must (@(Find-Junction C:\Windows -Recurse | Select-Object -First 1).Count -le 1) 'a list that is left early'
`$null = Get-Junction one, link, nothing -ErrorAction SilentlyContinue -ErrorVariable several
Must (@(`$several).Count -eq 2) 'the others go on'
Must (`$several[0].FullyQualifiedErrorId -like 'NOT_A_REPARSE_POINT*' -and `$several[1].FullyQualifiedErrorId -like 'NOT_FOUND*') 'which'
Find-Junction -Recurse | Remove-Junction -WhatIf
Must (@(Find-Junction -Recurse).Count -eq 2) 'WhatIf removes nothing'
Must ((Remove-Junction link -Expect two -PassThru).Outcome -eq 'deleted') 'deleted'
Find-Junction -Recurse | Remove-Junction
Must (@(Find-Junction -Recurse).Count -eq 0 -and (Test-Path two)) 'all gone'
'ALL WELL'
"@ -Shell $Shell -AsUser
    Assert ($done.Exit -eq 0 -and $done.Out -match 'ALL WELL') "$($done.Out) $($done.Err)"
}

Prove 'module-powershell' 'the PowerShell module works in Windows PowerShell 5.1, as an ordinary user' { Test-Module 'powershell.exe' }
Prove 'module-pwsh' 'the PowerShell module works in PowerShell 7, as an ordinary user' { Test-Module 'pwsh.exe' }

Prove 'winrm' 'the client works in a remote session' {
    if (-not (Test-WSMan -ErrorAction SilentlyContinue)) { Skip 'WinRM is not set up on this machine' }
    $place = New-Place 'winrm'
    try { $session = New-PSSession -ComputerName localhost } catch { Skip "no remote session to this machine: $_" }
    try {
        $exit = Invoke-Command -Session $session -ArgumentList $junction, "$place\link" {
            param($junction, $link)
            & $junction create $link C:\Windows | Out-Null
            $LASTEXITCODE
        }
    } finally {
        Remove-PSSession $session
    }
    Assert ($exit -eq 0) "exit $exit"
}

Prove 'msi-upgrade' 'a newer package replaces the older one and keeps the configuration' {
    if (-not $NextMsi) { Skip 'no -NextMsi was given' }
    $kept = Join-Path $dataDirectory 'junction.json'
    $had = Test-Path -LiteralPath $kept
    if (-not $had) { Set-Content -LiteralPath $kept -Value '{}' -Encoding Ascii }
    $done = Invoke-Program 'msiexec.exe' @('/i', $NextMsi, '/qn', '/norestart')
    Assert ($done.Exit -in 0, 3010) "msiexec: exit $($done.Exit)"
    Assert (Test-Path -LiteralPath $kept) 'the configuration is gone'
    if (-not $had) { Remove-Item -LiteralPath $kept }
    Start-Junctiond
    $old = Invoke-Program 'msiexec.exe' @('/i', $Msi, '/qn', '/norestart')
    Assert ($old.Exit -notin 0, 3010) 'the older package installs over the newer one'
    Start-Junctiond
}

Prove 'msi-uninstall' 'removing the package takes the service, the files and the PATH entry, and leaves junctions and configuration' {
    if (-not $Msi) { Skip 'no -Msi was given' }
    $place = New-Place 'left'
    $null = Get-JunctionJson 0 @('create', "$place\link", $env:SystemRoot)
    $kept = Join-Path $dataDirectory 'kept.txt'
    Set-Content -LiteralPath $kept -Value 'mine'
    $package = if ($NextMsi) { $NextMsi } else { $Msi }
    $done = Invoke-Program 'msiexec.exe' @('/x', $package, '/qn', '/norestart')
    Assert ($done.Exit -in 0, 3010) "msiexec: exit $($done.Exit)"
    Assert (-not (Get-Service $serviceName -ErrorAction SilentlyContinue)) 'the service is still registered'
    Assert (-not (Test-Path -LiteralPath $junction)) 'the client is still there'
    Assert (-not (Test-Path -LiteralPath "HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\$serviceName")) 'the event source is still there'
    $path = [Environment]::GetEnvironmentVariable('Path', 'Machine') -split ';' | ForEach-Object { $_.TrimEnd('\') }
    Assert ($path -notcontains (Split-Path -Parent $junction)) 'the PATH entry is still there'
    Assert (Test-Path -LiteralPath $kept) 'a file of the administrator is gone'
    Remove-Item -LiteralPath $kept
    Assert ((Get-Item -LiteralPath "$place\link" -Force).LinkType -eq 'Junction') 'a junction is gone'
}

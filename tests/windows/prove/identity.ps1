# Checks of prove.ps1: nobody gains a right by asking the service. Read into it.

Prove 'user-may-what-he-may' 'a user makes junctions where he may, and they are his' {
    $own = New-UserPlace 'user-own'
    $made = Get-JunctionJson 0 @('create', "$own\link", $env:SystemRoot) -AsUser
    Assert ($made.outcome -eq 'created') "$made"
    $owner = (Get-Acl -LiteralPath "$own\link").GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    Assert ($owner -eq $userSid) "the link belongs to $owner"
    $null = Get-JunctionJson 0 @('delete', "$own\link") -AsUser
    Assert (-not (Test-Path -LiteralPath "$own\link")) 'the link is still there'
}

Prove 'user-may-not-more' 'a user gains no right: not in Windows, not in a place where he may only look' {
    $foreign = New-Place 'user-foreign'
    foreach ($place in $env:SystemRoot, $env:ProgramFiles, $foreign) {
        $link = Join-Path $place "junction-proof-$PID"
        Assert-Refused 4 'ACCESS_DENIED' @('create', $link, $env:SystemRoot) -AsUser
        Assert (-not (Test-Path -LiteralPath $link)) "$link is there"
    }
    $null = Get-JunctionJson 0 @('create', "$foreign\link", $env:SystemRoot)
    Assert-Refused 4 'ACCESS_DENIED' @('create', '--replace', "$foreign\link", $env:ProgramFiles) -AsUser
    Assert-Refused 4 'ACCESS_DENIED' @('delete', "$foreign\link") -AsUser
    Assert-Refused 4 'ACCESS_DENIED' @('delete', '--keep-directory', "$foreign\link") -AsUser
    Assert ((Get-JunctionJson 0 @('show', "$foreign\link")).target -eq $env:SystemRoot) 'the link was changed'
}

Prove 'user-sees-no-more' 'a user does not see what he may not read' {
    $place = New-Place 'user-blind'
    $secret = New-Place 'user-blind\secret'
    $null = Get-JunctionJson 0 @('create', "$secret\link", $env:SystemRoot)
    $null = icacls.exe $secret /inheritance:r /grant '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F'
    $listed = Get-JunctionJson 11 @('list', '--recurse', $place) -AsUser
    Assert (@($listed.entries | Where-Object { $_.path -like '*\secret\*' }).Count -eq 0) 'the list tells of it'
    Assert-Refused 4 'ACCESS_DENIED' @('list', $secret) -AsUser
    Assert (@((Get-JunctionJson 0 @('list', '--recurse', $place)).entries).Count -eq 1) 'the administrator does not see it'
}

Prove 'filtered-administrator' 'an administrator''s process without elevation has no administrator''s rights' {
    $own = New-Place 'filtered'
    $null = icacls.exe $own /grant '*S-1-5-32-545:(OI)(CI)M'
    $link = Join-Path $env:SystemRoot "junction-filtered-$PID"
    Set-Content -LiteralPath "$own\run.cmd" -Encoding Ascii -Value @("@`"$junction`" create `"$link`" `"$own`" >`"$own\said`" 2>&1", "@echo %ERRORLEVEL% >`"$own\exit`"")
    $started = Invoke-Program 'runas.exe' @('/trustlevel:0x20000', "`"$own\run.cmd`"")
    if ($started.Exit -ne 0) { Skip "runas cannot start a filtered process here: $($started.Out)" }
    Wait-Until { Test-Path -LiteralPath "$own\exit" } 'the filtered process'
    Wait-Until { (Get-Content -Raw -LiteralPath "$own\exit") -match '\d' } 'its exit code'
    $made = Test-Path -LiteralPath $link
    if ($made) { [System.IO.Directory]::Delete($link) }
    Assert (-not $made) 'it made a link in Windows'
    Assert ((Get-Content -Raw -LiteralPath "$own\exit").Trim() -eq '4') "exit $(Get-Content -Raw -LiteralPath "$own\exit"): $(Get-Content -Raw -LiteralPath "$own\said")"
}

Prove 'level-identification' 'who connects at the Identification level is told so' {
    $pipe = Open-Pipe -Level Identification
    try { $said = Get-RawAnswer $pipe '{"jsonrpc":"2.0","id":1,"method":"service.status"}' } finally { $pipe.Dispose() }
    Assert ($said -match 'IDENTITY_LEVEL') "said: $said"
}

Prove 'level-anonymous' 'who connects at the Anonymous level is told so' {
    $pipe = Open-Pipe -Level Anonymous
    try { $said = Get-RawAnswer $pipe '{"jsonrpc":"2.0","id":1,"method":"service.status"}' } finally { $pipe.Dispose() }
    Assert ($said -match 'IDENTITY_(LEVEL|REFUSED)') "said: $said"
}

Prove 'low-integrity-refused' 'a process of low integrity is not let in' {
    $low = New-Place 'low'
    Copy-Item -LiteralPath $junction -Destination "$low\low.exe"
    $null = icacls.exe "$low\low.exe" /setintegritylevel low
    Assert ($LASTEXITCODE -eq 0) 'icacls failed'
    # As a user: Windows lowers the processes of an elevated administrator by no label of their program.
    $done = Invoke-Program "$low\low.exe" @('status') -AsUser
    Assert ($done.Exit -eq 4) "exit $($done.Exit): $($done.Out) $($done.Err)"
}

Prove 'redirection-trust' 'a junction that the service makes for a user is trusted no more than one that he makes himself' {
    $own = New-UserPlace 'trust'
    foreach ($name in 'real', 'x') { $null = New-Place "trust\$name" }
    $null = Get-JunctionJson 0 @('create', "$own\service-user", "$own\real") -AsUser
    $mklink = Invoke-Program 'cmd.exe' -CommandLine "/d /c mklink /J `"$own\mklink-user`" `"$own\real`"" -AsUser
    Assert ($mklink.Exit -eq 0) "mklink: $($mklink.Err)"
    $null = Get-JunctionJson 0 @('create', "$own\service-administrator", "$own\real")
    # The service guards itself, so a path through a link tells how far that link is trusted.
    $exits = @{}
    foreach ($name in 'service-user', 'mklink-user', 'service-administrator') {
        $exits[$name] = (Invoke-Junction @('create', "$own\$name\$name", "$own\x")).Exit
    }
    Assert ($exits['service-user'] -eq $exits['mklink-user']) "through the service's $($exits['service-user']), through his own $($exits['mklink-user'])"
    Assert ($exits['service-administrator'] -eq 0) 'an administrator''s junction is not followed'
    if ($exits['service-user'] -eq 0) { Skip 'equal, but this Windows does not enforce redirection trust, so it proves nothing' }
    Assert-Refused 4 'UNTRUSTED_MOUNT_POINT' @('show', "$own\service-user\x")
}

# Checks of prove.ps1: junctions and other reparse points, as Windows' own tools see them. Read into it.

Prove 'life-of-a-junction' 'made, shown, replaced, listed and deleted, as Windows'' own tools see it' {
    $place = New-Place 'life'
    foreach ($name in 'one', 'two') { Set-Content -LiteralPath "$(New-Place "life\$name")\$name.txt" -Value $name }
    $null = Get-JunctionJson 0 @('create', "$place\link", "$place\one")
    Assert ((Get-Fsutil "$place\link") -match '0xa0000003') 'fsutil: another tag'
    Assert ((Get-Fsutil "$place\link").Contains("$place\one")) 'fsutil: another target'
    Assert ((Invoke-Program 'cmd.exe' @('/d', '/c', 'dir', '/al', $place)).Out.Contains("[$place\one]")) 'dir shows no junction'
    Assert (@((Get-Item -LiteralPath "$place\link" -Force).Target)[0] -eq "$place\one") 'PowerShell reads another target'
    Assert (Test-Path -LiteralPath "$place\link\one.txt") 'it does not lead there'
    Assert ((Get-JunctionJson 0 @('create', "$place\link", "$place\one")).outcome -eq 'unchanged') 'not unchanged'
    Assert-Refused 6 'ALREADY_EXISTS' @('create', "$place\link", "$place\two")
    Assert-Refused 6 'TARGET_CHANGED' @('create', '--replace', '--expect', 'C:\elsewhere', "$place\link", "$place\two")
    Assert ((Get-JunctionJson 0 @('create', '--replace', '--expect', "$place\one", "$place\link", "$place\two")).outcome -eq 'replaced') 'not replaced'
    Assert (Test-Path -LiteralPath "$place\link\two.txt") 'it does not lead to the new target'
    $show = Get-JunctionJson 0 @('show', '--check', "$place\link")
    Assert ($show.type -eq 'junction' -and $show.state -eq 'ok' -and $show.target -eq "$place\two") "show: $show"
    Assert (@((Get-JunctionJson 0 @('list', $place)).entries).Count -eq 1) 'list'
    $null = Get-JunctionJson 0 @('delete', "$place\link")
    Assert (-not (Test-Path -LiteralPath "$place\link") -and (Test-Path -LiteralPath "$place\two\two.txt")) 'delete took too little or too much'
}

Prove 'dry-run' 'a dry run changes nothing' {
    $place = New-Place 'dry'
    $said = Get-JunctionJson 0 @('create', '--dry-run', '--parents', "$place\a\b\link", $env:SystemRoot)
    Assert ($said.dryRun -eq $true -and $said.outcome -eq 'created') "$said"
    Assert (@(Get-ChildItem -LiteralPath $place -Force).Count -eq 0) 'something was made'
}

Prove 'directories' 'an empty directory is converted and given back, a full one is refused, parents are made when asked' {
    $place = New-Place 'directories'
    $null = New-Place 'directories\empty'
    Set-Content -LiteralPath "$(New-Place 'directories\full')\file" -Value 'x'
    Assert ((Get-JunctionJson 0 @('create', "$place\empty", $env:SystemRoot)).outcome -eq 'converted') 'not converted'
    Assert ((Get-JunctionJson 0 @('delete', '--keep-directory', "$place\empty")).outcome -eq 'cleared') 'not cleared'
    Assert ((Get-Item -LiteralPath "$place\empty").Attributes -band [System.IO.FileAttributes]::Directory) 'no directory is left'
    Assert (-not ((Get-Item -LiteralPath "$place\empty").Attributes -band [System.IO.FileAttributes]::ReparsePoint)) 'still a link'
    Assert-Refused 6 'NOT_EMPTY' @('create', "$place\full", $env:SystemRoot)
    Assert (Test-Path -LiteralPath "$place\full\file") 'the file is gone'
    Assert-Refused 5 'PARENT_NOT_FOUND' @('create', "$place\a\b\link", $env:SystemRoot)
    Assert ((Get-JunctionJson 0 @('create', '--parents', "$place\a\b\link", $env:SystemRoot)).outcome -eq 'created') 'parents'
    Assert-Refused 6 'NOT_A_JUNCTION' @('delete', "$place\full")
}

Prove 'replace-without-a-gap' 'who looks while a target is changed always finds one' {
    $place = New-Place 'gap'
    foreach ($name in 'one', 'two') { Set-Content -LiteralPath "$(New-Place "gap\$name")\file" -Value $name }
    $null = Get-JunctionJson 0 @('create', "$place\link", "$place\one")
    $shared = [hashtable]::Synchronized(@{ Stop = $false; Looks = 0; Misses = 0 })
    $watcher = [powershell]::Create().AddScript({
            param($shared, $file)
            while (-not $shared.Stop) {
                $shared.Looks++
                if (-not [System.IO.File]::Exists($file)) { $shared.Misses++ }
            }
        }).AddArgument($shared).AddArgument("$place\link\file")
    $running = $watcher.BeginInvoke()
    try {
        foreach ($round in 1..100) {
            foreach ($name in 'two', 'one') { $null = Get-JunctionJson 0 @('create', '--replace', "$place\link", "$place\$name") }
        }
    } finally {
        $shared.Stop = $true
        $null = $watcher.EndInvoke($running)
        $watcher.Dispose()
    }
    Assert ($shared.Looks -gt 100) 'nobody looked'
    Assert ($shared.Misses -eq 0) "$($shared.Misses) of $($shared.Looks) looks found nothing"
}

Prove 'foreign-tools' 'junctions and symbolic links of other tools are shown, and only junctions deleted' {
    $place = New-Place 'foreign'
    $null = New-Place 'foreign\target'
    Assert ((Invoke-Program 'cmd.exe' -CommandLine "/d /c mklink /J `"$place\j`" `"$place\target`"").Exit -eq 0) 'mklink /J'
    Assert ((Invoke-Program 'cmd.exe' -CommandLine "/d /c mklink /D `"$place\s`" target").Exit -eq 0) 'mklink /D'
    Assert ((Get-JunctionJson 0 @('show', "$place\j")).target -eq "$place\target") 'show of mklink /J'
    $symlink = Get-JunctionJson 0 @('show', "$place\s")
    Assert ($symlink.type -eq 'symlink' -and $symlink.relative -eq $true -and $symlink.target -eq 'target') "show of mklink /D: $symlink"
    Assert-Refused 6 'NOT_A_JUNCTION' @('delete', "$place\s")
    $null = Get-JunctionJson 0 @('delete', "$place\j")
    Assert (-not (Test-Path -LiteralPath "$place\j")) 'still there'
}

Prove 'node-reads' 'Node reads our junctions as links' {
    if (-not (Get-Command node.exe -ErrorAction SilentlyContinue)) { Skip 'node.exe is not installed' }
    $place = New-Place 'node'
    $null = Get-JunctionJson 0 @('create', "$place\link", $env:SystemRoot)
    $done = Invoke-Program (Get-Command node.exe).Source @('-e', 'console.log(require("fs").readlinkSync(process.argv[1]))', "$place\link")
    Assert ($done.Out.Trim().TrimEnd('\') -eq $env:SystemRoot) "node says: $($done.Out) $($done.Err)"
}

Prove 'long-paths' 'paths of more than 260 characters work everywhere' {
    $deep = New-Place 'long'
    foreach ($level in 1..12) { $deep += '\' + ('d' * 40) }
    $null = Get-JunctionJson 0 @('create', '--parents', "\\?\$deep\link", $env:SystemRoot)
    Assert ((Get-JunctionJson 0 @('show', "$deep\link")).target -eq $env:SystemRoot) 'show'
    Assert (@((Get-JunctionJson 0 @('list', '--recurse', "$work\long")).entries).Count -eq 1) 'list'
    $null = Get-JunctionJson 0 @('delete', "$deep\link")
}

Prove 'odd-names' 'every name that list prints is shown and deleted; names that Windows cannot open are not made' {
    $place = New-Place 'odd'
    $names = 'dot.', 'space ', 'CON', ([string][char]0xD83D + [char]0xDE00), ('half' + [char]0xD800)
    foreach ($name in $names) {
        [Proof.Native]::MakeDirectory("\\?\$place\$name")
        # Only a name that is there already may be such a one.
        $units = @($name.ToCharArray() | ForEach-Object { [int]$_ }) -join ','
        $request = @"
Import-Module '$Module'
(New-Junction -Path ('\\?\$place\' + [string]::new([char[]]@($units))) -Target '$env:SystemRoot').Outcome
"@
        $done = Invoke-Script $request
        Assert ($done.Out.Trim() -eq 'converted') "$name`: $($done.Out)"
    }
    $done = Invoke-Script @"
Import-Module '$Module'
`$found = @(Find-Junction '$place')
`$found.Count
foreach (`$one in `$found) {
    `$at = `$one.Path
    if (`$at -notlike '\\?\*') { `$at = '\\?\' + `$at }
    `$null = Get-Junction `$at
    Remove-Junction `$at }
@(Find-Junction '$place').Count
"@
    Assert (($done.Out -split '\s+' | Where-Object { $_ }) -join ' ' -eq "$($names.Count) 0") "found and left: $($done.Out)"
    foreach ($name in 'dot.', 'space ', 'COM1', 'a<b') {
        Assert-Refused 7 'INVALID_PATH' @('create', "\\?\$place\$name", $env:SystemRoot)
    }
}

Prove 'mount-point-refused' 'a volume mount point is recognised and never deleted' {
    $place = New-Place 'mount'
    $mount = New-Place 'mount\here'
    $volume = (Invoke-Program 'mountvol.exe' @("$env:SystemDrive\", '/L')).Out.Trim()
    if ((Invoke-Program 'mountvol.exe' @($mount, $volume)).Exit -ne 0) { Skip 'mountvol cannot mount the system volume in a directory' }
    try {
        Assert ((Get-JunctionJson 0 @('show', $mount)).type -eq 'mountPoint') 'another type'
        Assert-Refused 6 'NOT_A_JUNCTION' @('delete', $mount)
        Assert ((Invoke-Junction @('delete', $mount)).Err -match 'mountvol') 'the message does not help'
        Assert-Refused 7 'INVALID_TARGET' @('create', "$place\link", $volume)
    } finally {
        $null = Invoke-Program 'mountvol.exe' @($mount, '/D')
    }
}

Prove 'targets-refused' 'network, substituted and device targets are refused before anything is touched' {
    $place = New-Place 'targets'
    $used = [System.IO.DriveInfo]::GetDrives().Name
    $letter = 'P', 'Q', 'R', 'S' | Where-Object { $used -notcontains "${_}:\" } | Select-Object -First 1
    if (-not $letter) { Skip 'no free drive letter' }
    Assert ((Invoke-Program 'subst.exe' @("${letter}:", $place)).Exit -eq 0) 'subst failed'
    try {
        Assert-Refused 7 'INVALID_TARGET' @('create', "$place\link", "${letter}:\")
        Assert-Refused 7 'INVALID_TARGET' @('create', "$place\link", "${letter}:\x")
    } finally {
        $null = Invoke-Program 'subst.exe' @("${letter}:", '/D')
    }
    foreach ($target in "\\$env:COMPUTERNAME\c$\Windows", '\\.\C:\Windows', '\\?\GLOBALROOT\Device\HarddiskVolume1\x') {
        Assert-Refused 7 'INVALID_TARGET' @('create', "$place\link", $target)
    }
    Assert-Refused 7 'INVALID_PATH' @('create', "\\$env:COMPUTERNAME\c$\junction-proof", $env:SystemRoot)
    Assert (@(Get-ChildItem -LiteralPath $place -Force).Count -eq 0) 'something was made'
}

Prove 'in-use' 'a link that somebody holds open is IN_USE, and is deleted when he lets go' {
    $place = New-Place 'in-use'
    $null = Get-JunctionJson 0 @('create', "$place\link", $env:SystemRoot)
    $handle = [Proof.Native]::Hold("$place\link")
    try { Assert-Refused 6 'IN_USE' @('delete', "$place\link") } finally { $handle.Dispose() }
    $null = Get-JunctionJson 0 @('delete', "$place\link")
}

Prove 'cloud-placeholders' 'a list recalls no file from the cloud' {
    $root = $env:OneDrive
    if (-not $root -or -not (Test-Path -LiteralPath $root)) { Skip 'there is no OneDrive directory' }
    $recall = { @(Get-ChildItem -LiteralPath $root -Recurse -Force -ErrorAction SilentlyContinue | Where-Object { [int]$_.Attributes -band 0x400000 }).Count }
    $before = & $recall
    if ($before -eq 0) { Skip 'OneDrive holds no file that is only in the cloud' }
    $done = Invoke-Junction @('list', '--recurse', '--check', '--format', 'jsonl', $root)
    Assert ($done.Exit -in 0, 1, 11) "exit $($done.Exit): $($done.Err)"
    Assert ((& $recall) -eq $before) 'files were recalled'
}

Prove 'fat-volume' 'a file system without reparse points is said to be one' {
    $root = New-TestVolume 'fat32' 64
    Assert-Refused 8 'UNSUPPORTED_FILE_SYSTEM' @('create', "${root}link", $env:SystemRoot)
    Assert (-not (Test-Path -LiteralPath "${root}link")) 'a directory is left behind'
}

Prove 'refs-volume' 'ReFS works as NTFS does' {
    $root = New-TestVolume 'refs' 4096
    $null = Get-JunctionJson 0 @('create', "${root}link", $env:SystemRoot)
    Assert ((Get-Fsutil "${root}link") -match '0xa0000003') 'fsutil'
    $null = Get-JunctionJson 0 @('create', '--replace', "${root}link", $env:ProgramFiles)
    Assert (@((Get-JunctionJson 0 @('list', $root)).entries | Where-Object { $_.target -eq $env:ProgramFiles }).Count -eq 1) 'list'
    $null = Get-JunctionJson 0 @('delete', "${root}link")
}

Prove 'watchdog' 'a call that hangs is ended, and the service goes on' {
    $place = New-Place 'watchdog'
    # An address for documentation: nobody answers, and the network may take its time to say so.
    Assert ((Invoke-Program 'cmd.exe' -CommandLine "/d /c mklink /D `"$place\away`" \\192.0.2.1\share").Exit -eq 0) 'mklink'
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $done = Invoke-Junction @('show', '--timeout', '100', "$place\away\x")
    if ($clock.Elapsed.TotalSeconds -lt 10) { Skip "the network refuses 192.0.2.1 at once: exit $($done.Exit)" }
    Assert ($done.Exit -eq 9) "exit $($done.Exit): $($done.Out) $($done.Err)"
    Wait-Until { (Get-JunctionJson 0 @('status')).workers.short.stuck -eq 0 } 'no thread is stuck any more'
}

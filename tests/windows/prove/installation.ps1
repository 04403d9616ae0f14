# Checks of prove.ps1: the service as it is registered, its verbs, its log and its configuration. Read into it.

Prove 'msi-install' 'the package installs silently: programs, running service, PATH entry, PowerShell module' {
    if (-not $Msi) { Skip 'no -Msi was given' }
    foreach ($file in $junction, $junctiond) { Assert (Test-Path -LiteralPath $file) "$file is missing" }
    Assert ((Get-Service $serviceName).Status -eq 'Running') 'the service does not run'
    $directory = Split-Path -Parent $junction
    $path = [Environment]::GetEnvironmentVariable('Path', 'Machine') -split ';' | ForEach-Object { $_.TrimEnd('\') }
    Assert ($path -contains $directory) "PATH has no entry $directory"
    Assert (Get-Module -ListAvailable Junction) 'PowerShell does not find the module'
}

Prove 'service-registration' 'own process, automatic start, quoted path, LocalSystem, service SID, few privileges, restart on failure, preshutdown' {
    $key = Get-ItemProperty -LiteralPath $serviceKey
    Assert ($key.ImagePath -match '^"[^"]+\\junctiond\.exe"') "the path is not quoted: $($key.ImagePath)"
    Assert ($key.Type -eq 0x10 -and $key.Start -eq 2 -and $key.ObjectName -eq 'LocalSystem') 'type, start or account'
    Assert ($key.ServiceSidType -eq 1) 'the service SID is not of the type unrestricted'
    $privileges = @($key.RequiredPrivileges | Sort-Object)
    $known = 'SeBackupPrivilege', 'SeChangeNotifyPrivilege', 'SeImpersonatePrivilege'
    Assert (@(Compare-Object $privileges $known).Count -eq 0) "required privileges: $($privileges -join ' ')"
    Assert ($key.FailureActions.Length -ge 28 -and $key.FailureActions[20] -eq 1) 'the first failure action is not a restart'
    Assert ($key.PreshutdownTimeout -gt 0) 'no preshutdown timeout'
    Assert ($key.Description) 'no description'
}

Prove 'service-accepts-preshutdown' 'the running service accepts stop and preshutdown' {
    Start-Junctiond
    $accepted = [Proof.Native]::Status($serviceName)[2]
    Assert (($accepted -band 0x1) -and ($accepted -band 0x100)) ('controls accepted: 0x{0:x}' -f $accepted)
}

Prove 'service-mitigations' 'the process has switched on what hardens it' {
    Start-Junctiond
    if (-not (Get-Command Get-ProcessMitigation -ErrorAction SilentlyContinue)) { Skip 'this Windows has no Get-ProcessMitigation' }
    $policy = Get-ProcessMitigation -Id (Get-ServiceProcess)
    Assert ("$($policy.ExtensionPoint.DisableExtensionPoints)" -eq 'ON') 'extension points are not disabled'
    Assert ("$($policy.ImageLoad.BlockRemoteImageLoads)" -eq 'ON') 'remote images may be loaded'
    Assert ("$($policy.ImageLoad.BlockLowLabelImageLoads)" -eq 'ON') 'low integrity images may be loaded'
    Assert ("$($policy.StrictHandle.Enable)" -eq 'ON') 'handles are not checked strictly'
}

Prove 'data-directory' 'only SYSTEM and administrators can touch the configuration and state' {
    $acl = Get-Acl -LiteralPath $dataDirectory
    $owner = $acl.GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    Assert ('S-1-5-18', 'S-1-5-32-544' -contains $owner) "the owner is $owner"
    Assert ($acl.AreAccessRulesProtected) 'it inherits access rules'
    foreach ($rule in $acl.GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])) {
        Assert ('S-1-5-18', 'S-1-5-32-544' -contains $rule.IdentityReference.Value) "a rule for $($rule.IdentityReference.Value)"
    }
}

Prove 'data-directory-planted' 'install refuses a data directory that a user made before' {
    if ($Msi) { Skip 'the package owns the registration; run again with -Programs' }
    if (-not $Programs) { Skip 'a service of yours is installed; run again with -Programs' }
    Assert ((Invoke-Program $junctiond @('uninstall')).Exit -eq 0) 'uninstall failed'
    $aside = "$dataDirectory.$([guid]::NewGuid().ToString('N'))"
    $kept = Test-Path -LiteralPath $dataDirectory
    if ($kept) { Rename-Item -LiteralPath $dataDirectory -NewName (Split-Path -Leaf $aside) }
    try {
        $made = Invoke-Program 'cmd.exe' @('/d', '/c', 'mkdir', $dataDirectory) -AsUser
        Assert ($made.Exit -eq 0) 'the user cannot make the directory'
        $done = Invoke-Program $junctiond @('install')
        Assert ($done.Exit -eq 1) "install: exit $($done.Exit)"
        Assert (-not (Get-Service $serviceName -ErrorAction SilentlyContinue)) 'a service is registered all the same'
    } finally {
        Remove-Item -LiteralPath $dataDirectory -Recurse -Force -ErrorAction SilentlyContinue
        if ($kept) { Rename-Item -LiteralPath $aside -NewName 'Junction' }
        $null = Invoke-Program $junctiond @('install', '--start')
    }
    Start-Junctiond
}

Prove 'verbs' 'stop, start and status do what they say, again and again' {
    foreach ($round in 1, 2) {
        Assert ((Invoke-Program $junctiond @('stop')).Exit -eq 0) 'stop'
        Assert ((Invoke-Program $junctiond @('status')).Exit -eq 3) 'status of a stopped service'
        Assert ((Invoke-Junction @('status')).Exit -eq 3) 'the client finds a service'
        Assert ((Invoke-Program $junctiond @('start')).Exit -eq 0) 'start'
        Assert ((Invoke-Program $junctiond @('status')).Exit -eq 0) 'status of a running service'
    }
    foreach ($verb in 'stop', 'uninstall', 'install') {
        Assert ((Invoke-Program $junctiond @($verb) -AsUser).Exit -ne 0) "a user may $verb"
    }
    Start-Junctiond
}

Prove 'recovery-after-kill' 'the service manager starts a killed service again' {
    Start-Junctiond
    $before = Get-ServiceProcess
    Assert ((Invoke-Program 'taskkill.exe' @('/f', '/pid', "$before")).Exit -eq 0) 'taskkill failed'
    # The third failure of a day, of earlier runs perhaps, is followed by a pause of ten minutes.
    Wait-Until { (Get-ServiceProcess) -notin 0, $before } 'a new process' 720
    Start-Junctiond
}

Prove 'stop-during-list' 'a client whose list is cut off by a stop is told so, and the service stops' {
    Start-Junctiond
    $pipe = Open-Pipe
    try {
        $root = ConvertTo-Json ($env:SystemDrive + '\')
        $bytes = [System.Text.Encoding]::UTF8.GetBytes("{`"jsonrpc`":`"2.0`",`"id`":1,`"method`":`"reparse.list`",`"params`":{`"path`":$root,`"recurse`":true}}`n")
        $pipe.Write($bytes, 0, $bytes.Length)
        $reader = [System.IO.StreamReader]::new($pipe, [System.Text.UTF8Encoding]::new($false))
        $all = $reader.ReadToEndAsync()
        Stop-Junctiond
        Assert ($all.Wait(1000 * $patience)) 'the connection stays open'
        Assert ($all.Result -match '"id":1,"(error|result)"') 'the list has no end'
    } finally {
        $pipe.Dispose()
        Start-Junctiond
    }
}

Prove 'event-log' 'start, stop and changes are in the Application log, with text' {
    $begin = Get-Date
    $place = New-Place 'event-log'
    Stop-Junctiond
    Start-Junctiond
    $name = "seen-$([guid]::NewGuid().ToString('N'))"
    $null = Get-JunctionJson 0 @('create', "$place\$name", $env:SystemRoot)
    Stop-Junctiond
    Start-Junctiond
    # The last of them: the service tells it when its callers are served already.
    $told = { @(Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = $serviceName; StartTime = $begin } -ErrorAction SilentlyContinue) }
    Wait-Until { @(& $told | Where-Object { $_.Id -eq 100 }).Count -ge 2 } 'the events of two starts'
    $events = & $told
    Assert ($events.Count -ge 4) "only $($events.Count) events"
    foreach ($record in $events) { Assert ($record.Message) "event $($record.Id) has no text" }
    Assert (@($events | Where-Object { $_.Message -match $name }).Count -ge 1) 'the change is not in the log'
}

Prove 'event-log-percent' 'text of a client is never expanded' {
    $begin = Get-Date
    $place = New-Place 'event-log-percent'
    $null = Get-JunctionJson 0 @('create', "$place\a%1b%%n", $env:SystemRoot)
    Wait-Until { @(Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = $serviceName; StartTime = $begin } -ErrorAction SilentlyContinue |
            Where-Object { $_.Message -match 'event-log-percent' }).Count -gt 0 } 'the event'
    $record = @(Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = $serviceName; StartTime = $begin } |
            Where-Object { $_.Message -match 'event-log-percent' })[0]
    # In the log `%` appears as its number, so that no viewer expands what follows it.
    $shown = 'event-log-percent\a<25>1b<25><25>n'
    Assert (@($record.Properties | Where-Object { "$($_.Value)".Contains($shown) }).Count -ge 1) 'no insertion string holds the name'
    Assert ($record.Message.Contains($shown)) "the name was expanded: $($record.Message)"
}

Prove 'configuration-untrusted' 'a configuration that a user could change is refused' {
    $own = New-UserPlace 'configuration'
    $written = Invoke-Program 'cmd.exe' -CommandLine "/d /c echo {}>`"$own\mine.json`"" -AsUser
    Assert ($written.Exit -eq 0) 'the user cannot write'
    $done = Invoke-Program $junctiond @('check-config', "$own\mine.json")
    Assert ($done.Exit -eq 1 -and ($done.Out + $done.Err) -match 'trusted') "exit $($done.Exit): $($done.Out) $($done.Err)"
    $trusted = New-Place 'configuration-trusted'
    Set-Content -LiteralPath "$trusted\good.json" -Value '{}' -Encoding Ascii
    $null = icacls.exe $trusted /setowner '*S-1-5-32-544' /t
    Assert ($LASTEXITCODE -eq 0) 'icacls failed'
    $done = Invoke-Program $junctiond @('check-config', "$trusted\good.json")
    Assert ($done.Exit -eq 0) "an administrator's own is refused: $($done.Out) $($done.Err)"
}

# Checks of prove.ps1: the pipe, and who may own it. Read into it.

Prove 'pipe-descriptor' 'the pipe has exactly the owner, the entries and the label that were meant' {
    Start-Junctiond
    $pipe = Open-Pipe
    try { $sddl = [Proof.Native]::Sddl($pipe.SafePipeHandle) } finally { $pipe.Dispose() }
    $descriptor = [System.Security.AccessControl.RawSecurityDescriptor]::new($sddl)
    Assert ($descriptor.Owner.Value -eq 'S-1-5-18') "owner: $sddl"
    $all = 0x1f01ff
    $expected = "AccessDenied S-1-5-7 $all", "AccessDenied S-1-5-32-546 $all", "AccessAllowed S-1-5-18 $all",
        "AccessAllowed S-1-5-32-544 $(0x12019b)", "AccessAllowed S-1-5-11 $(0x12019b)"
    $found = @($descriptor.DiscretionaryAcl | ForEach-Object { "$($_.AceType) $($_.SecurityIdentifier.Value) $($_.AccessMask)" })
    Assert (($found -join ', ') -eq ($expected -join ', ')) "DACL: $sddl"
    Assert ($sddl -match 'ML;;(NWNR|NRNW);;;ME') "label: $sddl"
}

Prove 'pipe-create-instance' 'neither a user nor an administrator can add an instance of the pipe' {
    Start-Junctiond
    $text = "`$null = [System.IO.Pipes.NamedPipeServerStream]::new('$pipeName', 'InOut', 254); 'MADE'"
    $user = Invoke-Script $text -AsUser
    Assert ($user.Out -match 'THROWN' -and $user.Out -notmatch 'MADE') "a user: $($user.Out)"
    $administrator = Invoke-Script $text
    Assert ($administrator.Out -match 'THROWN' -and $administrator.Out -notmatch 'MADE') "an administrator: $($administrator.Out)"
}

Prove 'pipe-user-cannot-squat' 'while no service runs, a user cannot take its name' {
    Stop-Junctiond
    try {
        $done = Invoke-Script "`$null = [System.IO.Pipes.NamedPipeServerStream]::new('$pipeName', 'InOut', 1); 'MADE'" -AsUser
        Assert ($done.Out -match 'THROWN' -and $done.Out -notmatch 'MADE') $done.Out
    } finally {
        Start-Junctiond
    }
}

Prove 'pipe-remote-refused' 'clients from the network are rejected' {
    Start-Junctiond
    $own = "proof-$([guid]::NewGuid().ToString('N'))"
    $server = [System.IO.Pipes.NamedPipeServerStream]::new($own, 'InOut', 1)
    try {
        try { (Open-Pipe -Server $env:COMPUTERNAME -Name $own).Dispose() } catch { Skip "this machine does not reach its own pipes over the network: $_" }
    } finally {
        $server.Dispose()
    }
    $refused = $false
    try {
        $pipe = Open-Pipe -Server $env:COMPUTERNAME
        try { $refused = (Get-RawAnswer $pipe '{"jsonrpc":"2.0","id":1,"method":"service.status"}') -notmatch '"result"' } finally { $pipe.Dispose() }
    } catch {
        $refused = $true
    }
    Assert $refused 'the service answered over the network'
}

Prove 'squatter-stops-start' 'a service whose name is taken does not start, and starts when it is free again' {
    Stop-Junctiond
    $server = [System.IO.Pipes.NamedPipeServerStream]::new($pipeName, 'InOut', 254, 'Byte', 'Asynchronous')
    try {
        try { Start-Service $serviceName } catch { Write-Verbose "as it should: $_" }
        Wait-Until { (Get-Service $serviceName).Status -eq 'Stopped' } 'the service gives up'
    } finally {
        $server.Dispose()
    }
    Start-Junctiond
}

Prove 'squatter-gets-no-byte' 'client and module refuse a pipe that is not the service''s, before the first byte' {
    Stop-Junctiond
    $server = [System.IO.Pipes.NamedPipeServerStream]::new($pipeName, 'InOut', 254, 'Byte', 'Asynchronous')
    try {
        foreach ($who in 'client', 'module') {
            $coming = $server.WaitForConnectionAsync()
            if ($who -eq 'client') {
                $done = Invoke-Junction @('status')
                Assert ($done.Exit -eq 10) "the client ends with $($done.Exit): $($done.Err)"
            } else {
                $done = Invoke-Script "Import-Module '$Module'; Get-Junction C:\Windows"
                Assert ($done.Out -match 'THROWN UNTRUSTED_SERVICE') $done.Out
            }
            Assert ($coming.Wait(1000 * $patience)) "the $who never came"
            $buffer = [byte[]]::new(16)
            $read = $server.ReadAsync($buffer, 0, 16)
            Assert ($read.Wait(1000 * $patience)) "the $who is still there"
            Assert ($read.Result -eq 0) "the $who sent something"
            $server.Disconnect()
        }
    } finally {
        $server.Dispose()
        Start-Junctiond
    }
}

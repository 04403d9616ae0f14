<#
.SYNOPSIS
Proves on a real Windows what Wine cannot: one line a promise, passed, failed or skipped with the reason.
.DESCRIPTION
For an elevated administrator, in Windows PowerShell 5.1 or PowerShell 7. It stops, kills and restarts the service, works in a directory of its own on
the system drive, and cleans up. README.md beside it lists the checks. Exit 0: nothing failed; 1: something failed; 2: wrong usage.
.PARAMETER Msi
Installs this package first, tests its installation too, and removes it at the end.
.PARAMETER NextMsi
A package of a higher version, to prove the upgrade.
.PARAMETER Programs
Or: a directory with junction.exe and junctiond.exe. They are copied, installed with `junctiond install`, and removed at the end. With neither, the
service that is installed is used and stays.
.PARAMETER UserCredential
An ordinary local user. Without one, a temporary local account is made and removed again; that takes -Force.
.PARAMETER Module
The directory of the PowerShell module; by default the one in this source tree.
.PARAMETER Only
Only the checks with these names (wildcards).
.PARAMETER List
Prints the names of the checks and does nothing.
.PARAMETER Force
Do it without asking: the temporary account, and stopping and killing a service that is in use.
.EXAMPLE
.\prove.ps1 -Msi C:\Temp\junction-0.1.0-x64.msi -Force
#>
[CmdletBinding()]
param(
    [string]$Msi,
    [string]$NextMsi,
    [string]$Programs,
    [pscredential]$UserCredential,
    [string]$Module,
    [string[]]$Only = @('*'),
    [switch]$List,
    [switch]$Force
)
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

# Not as a default above: Windows PowerShell, called with -File, knows no $PSScriptRoot there yet.
if (-not $Module) { $Module = Join-Path $PSScriptRoot '..\..\deploy\windows\Junction' }

$pipeName = 'ProtectedPrefix\Administrators\Junction'
$serviceName = 'junctiond'
$serviceKey = "HKLM:\SYSTEM\CurrentControlSet\Services\$serviceName"
$dataDirectory = Join-Path $env:ProgramData 'Junction'
$checks = [System.Collections.Generic.List[object]]::new()
$cleanups = [System.Collections.Generic.Stack[object]]::new()
$patience = 120 # seconds for what must come; never what a check proves

foreach ($part in 'helpers', 'installation', 'pipe', 'identity', 'engine', 'around') {
    . (Join-Path $PSScriptRoot "prove\$part.ps1")
}

if ($List) {
    $checks | ForEach-Object { '{0,-28} {1}' -f $_.Name, $_.Promise }
    exit 0
}
$me = [System.Security.Principal.WindowsPrincipal]::new([System.Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $me.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Write-Host 'prove.ps1: run this in an elevated PowerShell'
    exit 2
}
[System.Diagnostics.Process]::EnterDebugMode() # to look at the service's process
if ($Msi -and $Programs) {
    Write-Host 'prove.ps1: give -Msi or -Programs, not both'
    exit 2
}
if (-not $Force) {
    Write-Host 'prove.ps1 stops, kills and restarts the service, installs what -Msi or -Programs name and removes it again,'
    Write-Host 'and, without -UserCredential, makes a temporary local account. Run it with -Force if that is well.'
    exit 2
}

$work = Join-Path "$env:SystemDrive\" "junction-proof-$([guid]::NewGuid().ToString('N').Substring(0, 8))"
$failed = 0
$passed = 0
$skipped = 0
$ready = $false
try {
    $null = [System.IO.Directory]::CreateDirectory($work)
    Later {
        # Not from inside what is to go, and with names that only the long form reaches.
        Set-Location -LiteralPath $env:SystemRoot
        cmd.exe /d /c rmdir /s /q "\\?\$work"
    }
    $null = icacls.exe $work /inheritance:r /grant '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-32-545:(OI)(CI)RX'
    Assert ($LASTEXITCODE -eq 0) 'icacls failed'
    # Whatever owner a token of this machine gives to new files: the service trusts what administrators own.
    $null = icacls.exe $work /setowner '*S-1-5-32-544'
    Assert ($LASTEXITCODE -eq 0) 'icacls failed'
    $Module = (Resolve-Path -LiteralPath $Module).ProviderPath
    if (-not $UserCredential) {
        # `net user` asks a question when a password is longer than 14 characters.
        $password = 'p-' + [guid]::NewGuid().ToString('N').Substring(0, 8) + 'A7!z'
        $account = 'jproof' + [guid]::NewGuid().ToString('N').Substring(0, 8)
        Assert ((Invoke-Program 'net.exe' @('user', $account, $password, '/add')).Exit -eq 0) 'the temporary account could not be made'
        Later {
            $null = Invoke-Program 'net.exe' @('user', $account, '/delete')
            Get-CimInstance Win32_UserProfile | Where-Object { $_.SID -eq $userSid } | Remove-CimInstance -ErrorAction SilentlyContinue
        }
        $UserCredential = [pscredential]::new("$env:COMPUTERNAME\$account", (ConvertTo-SecureString $password -AsPlainText -Force))
    }
    $userSid = [System.Security.Principal.NTAccount]::new($UserCredential.UserName).Translate([System.Security.Principal.SecurityIdentifier]).Value
    if ($Msi) {
        $Msi = (Resolve-Path -LiteralPath $Msi).ProviderPath
        if ($NextMsi) { $NextMsi = (Resolve-Path -LiteralPath $NextMsi).ProviderPath }
        $done = Invoke-Program 'msiexec.exe' @('/i', $Msi, '/qn', '/norestart')
        Assert ($done.Exit -in 0, 3010) "the package does not install: msiexec ended with $($done.Exit)"
        # Of another product it would be no product to remove: that is no failure then.
        Later { foreach ($package in $NextMsi, $Msi) { if ($package) { $null = Invoke-Program 'msiexec.exe' @('/x', $package, '/qn', '/norestart') } } }
    } elseif ($Programs) {
        $null = [System.IO.Directory]::CreateDirectory("$work\bin")
        foreach ($name in 'junction.exe', 'junctiond.exe') { Copy-Item -LiteralPath (Join-Path $Programs $name) -Destination "$work\bin" }
        Assert (-not (Get-Service $serviceName -ErrorAction SilentlyContinue)) 'a junctiond service is installed already: leave -Programs out, or uninstall it'
        $done = Invoke-Program "$work\bin\junctiond.exe" @('install', '--start')
        Assert ($done.Exit -eq 0) "junctiond install --start: exit $($done.Exit): $($done.Out) $($done.Err)"
        Later { $null = Invoke-Program "$work\bin\junctiond.exe" @('uninstall') }
    }
    if ((Get-ItemProperty -LiteralPath $serviceKey).ImagePath -notmatch '^"?([^"]+\\junctiond\.exe)') { throw 'the service has no path' }
    $junctiond = $Matches[1]
    $junction = Join-Path (Split-Path -Parent $junctiond) 'junction.exe'
    Start-Junctiond
    $ready = $true

    $width = ($checks | ForEach-Object { $_.Name.Length } | Measure-Object -Maximum).Maximum
    foreach ($row in $checks) {
        if (-not ($Only | Where-Object { $row.Name -like $_ })) { continue }
        $why = ''
        try {
            $null = & $row.Check
            $verdict = 'ok'
            $passed++
        } catch {
            $why = "$($_.Exception.Message)"
            if ($_.Exception -is [System.OperationCanceledException]) {
                $verdict = 'SKIPPED'
                $skipped++
            } else {
                $verdict = 'FAILED'
                $failed++
                $why += "  [line $($_.InvocationInfo.ScriptLineNumber)]"
            }
        }
        Write-Host ("{0,-8} {1,-$width} {2}" -f $verdict, $row.Name, $row.Promise)
        if ($why) { Write-Host "         | $why" }
    }
} catch {
    Write-Host "prove.ps1: $($_.Exception.Message)  [line $($_.InvocationInfo.ScriptLineNumber)]"
    $failed++
} finally {
    while ($cleanups.Count -gt 0) {
        $cleanup = $cleanups.Pop()
        $arguments = $cleanup.Arguments
        try { $null = & $cleanup.Block @arguments } catch { Write-Host "while cleaning up: $_" }
    }
}
if ($ready -and $passed + $failed + $skipped -eq 0) {
    Write-Host "prove.ps1: no check is called $($Only -join ' or ')"
    exit 2
}
Write-Host "$passed passed, $failed failed, $skipped skipped"
exit [int]($failed -gt 0)

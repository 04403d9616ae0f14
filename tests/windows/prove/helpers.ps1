# What the checks of prove.ps1 are made of. Read into it.

function Prove {
    param([string]$Name, [string]$Promise, [scriptblock]$Check)
    $checks.Add([pscustomobject]@{ Name = $Name; Promise = $Promise; Check = $Check })
}

function Assert {
    param($Truth, [string]$Otherwise)
    if (-not $Truth) { throw $Otherwise }
}

function Skip {
    param([string]$Reason)
    throw [System.OperationCanceledException]::new($Reason)
}

# What is to be done at the end, latest first, however the end comes.
function Later {
    param([scriptblock]$Cleanup, [object[]]$Arguments = @())
    $cleanups.Push([pscustomobject]@{ Block = $Cleanup; Arguments = $Arguments })
}

function Wait-Until {
    param([scriptblock]$Condition, [string]$What, [int]$Seconds = $patience)
    $end = [datetime]::UtcNow.AddSeconds($Seconds)
    while (-not (& $Condition)) {
        if ([datetime]::UtcNow -gt $end) { throw "waited in vain: $What" }
        Start-Sleep -Milliseconds 200
    }
}

# As programs of Microsoft's C library take a command line apart.
function Join-Arguments {
    param([string[]]$Arguments)
    $quoted = foreach ($argument in $Arguments) {
        if ($argument -ne '' -and $argument -notmatch '[\s"]') {
            $argument
        } else {
            '"' + (($argument -replace '(\\*)"', '$1$1\"') -replace '(\\+)$', '$1$1') + '"'
        }
    }
    return $quoted -join ' '
}

# Runs a program to its end, as the user when asked; answers .Exit, .Out and .Err.
function Invoke-Program {
    param([string]$File, [string[]]$Arguments = @(), [switch]$AsUser, [string]$CommandLine)
    if (-not $CommandLine) { $CommandLine = Join-Arguments $Arguments }
    $start = [System.Diagnostics.ProcessStartInfo]::new($File, $CommandLine)
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = [System.Text.UTF8Encoding]::new($false)
    $start.StandardErrorEncoding = [System.Text.UTF8Encoding]::new($false)
    $start.WorkingDirectory = $work
    if ($AsUser) {
        $account = $UserCredential.GetNetworkCredential()
        $start.UserName = $account.UserName
        $start.Domain = if ($account.Domain) { $account.Domain } else { $env:COMPUTERNAME }
        $start.Password = $UserCredential.Password
        $start.LoadUserProfile = $true
    }
    $process = [System.Diagnostics.Process]::Start($start)
    try {
        $process.StandardInput.Close()
        $out = $process.StandardOutput.ReadToEndAsync()
        $err = $process.StandardError.ReadToEndAsync()
        if (-not $process.WaitForExit(1000 * $patience)) {
            $process.Kill()
            throw "$File $CommandLine did not end"
        }
        return [pscustomobject]@{ Exit = $process.ExitCode; Out = $out.Result; Err = $err.Result }
    } finally {
        $process.Dispose()
    }
}

function Invoke-Junction {
    param([string[]]$Arguments, [switch]$AsUser)
    return Invoke-Program $junction $Arguments -AsUser:$AsUser
}

# Runs `junction` and demands this exit code; answers what it printed as JSON.
function Get-JunctionJson {
    param([int]$Exit, [string[]]$Arguments, [switch]$AsUser)
    $done = Invoke-Junction ($Arguments[0..0] + @('--format', 'json') + @($Arguments | Select-Object -Skip 1)) -AsUser:$AsUser
    Assert ($done.Exit -eq $Exit) "junction $($Arguments -join ' '): exit $($done.Exit), expected $Exit`: $($done.Out) $($done.Err)"
    if ($done.Out.Trim()) { return $done.Out | ConvertFrom-Json }
}

# The run must end with this exit code and speak of this NAME.
function Assert-Refused {
    param([int]$Exit, [string]$Name, [string[]]$Arguments, [switch]$AsUser)
    $done = Invoke-Junction ($Arguments[0..0] + @('--format', 'json') + @($Arguments | Select-Object -Skip 1)) -AsUser:$AsUser
    Assert ($done.Exit -eq $Exit -and ($done.Out + $done.Err) -cmatch $Name) `
        "junction $($Arguments -join ' '): exit $($done.Exit), expected $Exit and $Name`: $($done.Out) $($done.Err)"
}

# PowerShell code in a process of its own, as the user when asked; its output.
function Invoke-Script {
    param([string]$Text, [string]$Shell = 'powershell.exe', [switch]$AsUser)
    $whole = "`$ProgressPreference = 'SilentlyContinue'; `$ErrorActionPreference = 'Stop'; Set-StrictMode -Version 3.0`n" +
        "[Console]::OutputEncoding = [System.Text.UTF8Encoding]::new(`$false)`n" +
        "try {`n$Text`n} catch { 'THROWN ' + `$_.FullyQualifiedErrorId + ' ' + `$_.Exception.Message; exit 99 }"
    # From a file: a process with another account's logon gets no command line of more than 1024 characters.
    $file = Join-Path $work "script-$([guid]::NewGuid().ToString('N')).ps1"
    [System.IO.File]::WriteAllText($file, $whole, [System.Text.UTF8Encoding]::new($true))
    return Invoke-Program $Shell @('-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', $file) -AsUser:$AsUser
}

function Get-ServiceProcess {
    return [Proof.Native]::Status($serviceName)[7]
}

function Start-Junctiond {
    if ((Get-Service $serviceName).Status -ne 'Running') { Start-Service $serviceName }
    Wait-Until { (Invoke-Junction @('status')).Exit -eq 0 } 'the service answers'
}

function Stop-Junctiond {
    if ((Get-Service $serviceName).Status -ne 'Stopped') { Stop-Service $serviceName }
    Wait-Until { (Get-Service $serviceName).Status -eq 'Stopped' } 'the service stops'
}

# A connection that knows nothing of our programs.
function Open-Pipe {
    param([System.Security.Principal.TokenImpersonationLevel]$Level = 'Impersonation', [string]$Server = '.', [string]$Name = $pipeName)
    $pipe = [System.IO.Pipes.NamedPipeClientStream]::new($Server, $Name, [System.IO.Pipes.PipeDirection]::InOut,
        [System.IO.Pipes.PipeOptions]::Asynchronous, $Level)
    try {
        $pipe.Connect(10000)
    } catch {
        $pipe.Dispose()
        throw
    }
    return $pipe
}

# What comes back for one line, up to the first line end or the end of the connection.
function Get-RawAnswer {
    param([System.IO.Pipes.PipeStream]$Pipe, [string]$Line)
    $bytes = [System.Text.Encoding]::UTF8.GetBytes($Line + "`n")
    $Pipe.Write($bytes, 0, $bytes.Length)
    $buffer = [byte[]]::new(65536)
    $text = ''
    while ($text -notmatch "`n") {
        $task = $Pipe.ReadAsync($buffer, 0, $buffer.Length)
        if (-not $task.Wait(1000 * $patience)) { throw 'the service says nothing' }
        if ($task.Result -eq 0) { break }
        $text += [System.Text.Encoding]::UTF8.GetString($buffer, 0, $task.Result)
    }
    return $text
}

function New-Place {
    param([string]$Name)
    $place = Join-Path $work $Name
    $null = [System.IO.Directory]::CreateDirectory($place)
    return $place
}

# A directory in which the user may do everything, and one where he may only look.
function New-UserPlace {
    param([string]$Name)
    $place = New-Place $Name
    $null = icacls.exe $place /grant "*${userSid}:(OI)(CI)M"
    Assert ($LASTEXITCODE -eq 0) 'icacls failed'
    return $place
}

function Get-Fsutil {
    param([string]$Path)
    $done = Invoke-Program 'fsutil.exe' @('reparsepoint', 'query', $Path)
    Assert ($done.Exit -eq 0) "fsutil reparsepoint query $Path`: $($done.Out)"
    return $done.Out
}

# A volume of its own in a file, as DRIVE:\, or a skip.
function New-TestVolume {
    param([string]$FileSystem, [int]$Megabytes)
    $file = Join-Path $work "$FileSystem.vhdx"
    $used = [System.IO.DriveInfo]::GetDrives().Name
    $letter = 'T', 'U', 'V', 'W', 'Y' | Where-Object { $used -notcontains "${_}:\" } | Select-Object -First 1
    if (-not $letter) { Skip 'no free drive letter' }
    $commands = Join-Path $work "$FileSystem.txt"
    Set-Content -LiteralPath $commands -Encoding Ascii -Value @(
        "create vdisk file=`"$file`" maximum=$Megabytes type=expandable", "select vdisk file=`"$file`"", 'attach vdisk',
        'create partition primary', "format fs=$FileSystem quick label=proof", "assign letter=$letter")
    Later {
        param($commands, $file)
        Set-Content -LiteralPath $commands -Encoding Ascii -Value @("select vdisk file=`"$file`"", 'detach vdisk')
        $null = Invoke-Program 'diskpart.exe' @('/s', $commands)
    } $commands, $file
    $done = Invoke-Program 'diskpart.exe' @('/s', $commands)
    if ($done.Exit -ne 0) { Skip "diskpart cannot make a $FileSystem volume here: $($done.Out.Trim())" }
    return "${letter}:\"
}

Add-Type -Namespace Proof -Name Native -MemberDefinition @'
[DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
static extern IntPtr OpenSCManagerW(string machine, string database, uint access);
[DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
static extern IntPtr OpenServiceW(IntPtr manager, string name, uint access);
[DllImport("advapi32.dll", SetLastError = true)]
static extern bool QueryServiceStatusEx(IntPtr service, int level, [Out] uint[] status, uint size, out uint needed);
[DllImport("advapi32.dll", SetLastError = true)]
static extern bool CloseServiceHandle(IntPtr handle);
[DllImport("advapi32.dll", SetLastError = true)]
static extern uint GetSecurityInfo(SafeHandle handle, int type, uint what, IntPtr owner, IntPtr group, IntPtr dacl, IntPtr sacl, out IntPtr descriptor);
[DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
static extern bool ConvertSecurityDescriptorToStringSecurityDescriptorW(IntPtr descriptor, uint revision, uint what, out IntPtr text, IntPtr length);
[DllImport("kernel32.dll")]
static extern IntPtr LocalFree(IntPtr memory);
[DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
static extern bool CreateDirectoryW(string path, IntPtr security);
[DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
static extern Microsoft.Win32.SafeHandles.SafeFileHandle CreateFileW(string path, uint access, uint share, IntPtr security, uint how, uint flags, IntPtr like);

// The nine numbers of SERVICE_STATUS_PROCESS.
public static uint[] Status(string name)
{
    uint[] status = new uint[9];
    uint needed;
    IntPtr manager = OpenSCManagerW(null, null, 1), service = IntPtr.Zero;
    if (manager != IntPtr.Zero) service = OpenServiceW(manager, name, 4);
    bool told = service != IntPtr.Zero && QueryServiceStatusEx(service, 0, status, 36, out needed);
    if (service != IntPtr.Zero) CloseServiceHandle(service);
    if (manager != IntPtr.Zero) CloseServiceHandle(manager);
    if (!told) throw new InvalidOperationException("the service manager does not tell");
    return status;
}

// Owner, DACL and mandatory label of a pipe, as SDDL.
public static string Sddl(SafeHandle pipe)
{
    const uint what = 0x1 | 0x4 | 0x10;
    IntPtr descriptor, text;
    uint error = GetSecurityInfo(pipe, 6, what, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, out descriptor);
    if (error != 0) throw new System.ComponentModel.Win32Exception((int)error);
    if (!ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, 1, what, out text, IntPtr.Zero))
        throw new System.ComponentModel.Win32Exception();
    string said = Marshal.PtrToStringUni(text);
    LocalFree(text);
    LocalFree(descriptor);
    return said;
}

public static void MakeDirectory(string path)
{
    if (!CreateDirectoryW(path, IntPtr.Zero)) throw new System.ComponentModel.Win32Exception();
}

// A directory, opened as a reparse point and shared with nobody.
public static Microsoft.Win32.SafeHandles.SafeFileHandle Hold(string path)
{
    Microsoft.Win32.SafeHandles.SafeFileHandle handle = CreateFileW(path, 0x80000000, 0, IntPtr.Zero, 3, 0x02200000, IntPtr.Zero);
    if (handle.IsInvalid) throw new System.ComponentModel.Win32Exception();
    return handle;
}
'@

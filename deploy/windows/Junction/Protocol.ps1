# The connection and the messages: what Junction.psm1 needs of the junction protocol, version 1. Read into the module, with its strict mode.
# ASCII only: Windows PowerShell takes a file without a byte order mark for text in the system's code page.

$script:PipeName = 'ProtectedPrefix\Administrators\Junction'
$script:ServiceName = 'junctiond'
$script:MaxLine = 1048576   # bytes, the end of the line not counted
$script:Patience = 30       # seconds for the connection and the first words of the answer
$script:Utf8 = [System.Text.UTF8Encoding]::new($false, $true)

# What each function asks for: the method, and what its parameters are called there. -WhatIf is a request that changes nothing.
$script:Requests = ConvertFrom-Json @'
{
  "New-Junction": {
    "method": "junction.create",
    "names": {"Path": "link", "Target": "target", "Expect": "expectedTarget"},
    "switches": {"Replace": "replace", "Parents": "parents", "MustExist": "mustExist", "WhatIf": "dryRun"},
    "lists": {}
  },
  "Remove-Junction": {
    "method": "junction.delete",
    "names": {"Path": "link", "Expect": "expectedTarget"},
    "switches": {"KeepDirectory": "keepDirectory", "WhatIf": "dryRun"},
    "lists": {}
  },
  "Get-Junction": {
    "method": "reparse.show",
    "names": {"Path": "path"},
    "switches": {"Check": "check"},
    "lists": {}
  },
  "Find-Junction": {
    "method": "reparse.list",
    "names": {"Path": "path"},
    "switches": {"Recurse": "recurse", "Volume": "volume", "Check": "check"},
    "lists": {"Type": "types"}
  }
}
'@

# ---- failures ----

# An exception that says by which NAME of the protocol it failed. NO_SERVICE, UNTRUSTED_SERVICE and BAD_ANSWER are the client's own.
function New-Failure {
    param([string]$Name, [string]$Message, [int]$Win32 = 0)

    if ($Win32 -ne 0) {
        $Message = '{0} ({1})' -f $Message, ([System.ComponentModel.Win32Exception]$Win32).Message
    }
    $failure = [System.InvalidOperationException]::new($Message)
    $failure.Data['name'] = $Name
    $failure.Data['win32'] = $Win32
    return $failure
}

function New-ServiceFailure {
    param($ErrorObject)

    $data = Get-Value $ErrorObject 'data'
    $name = Get-Text $data 'name'
    if (-not $name) { $name = 'ERROR_{0}' -f (Get-Value $ErrorObject 'code') }
    $win32 = Get-Value (Get-Value $data 'os') 'win32'
    if ($null -eq $win32) { $win32 = 0 }
    return New-Failure $name (Get-Text $ErrorObject 'message') $win32
}

function ConvertTo-ErrorRecord {
    param([System.Exception]$Exception, [string]$Path)

    $name = $Exception.Data['name']
    if (-not $name) { $name = 'CLIENT_FAILED' }
    $category = switch -Regex ($name) {
        '^(ACCESS_DENIED|IDENTITY_|READ_ONLY)' { 'PermissionDenied'; break }
        '^UNTRUSTED_' { 'SecurityError'; break }
        '^NO_SERVICE|^STOPPING|^VOLUME_GONE' { 'ResourceUnavailable'; break }
        'NOT_FOUND$' { 'ObjectNotFound'; break }
        '^(ALREADY_EXISTS|NOT_EMPTY)' { 'ResourceExists'; break }
        '^(BUSY|IN_USE|CHANGED_MEANWHILE)' { 'ResourceBusy'; break }
        '^(INVALID_|TARGET_TOO_LONG|VOLUME_ROOT|OTHER_VOLUME|NO_DRIVE_LETTER)' { 'InvalidArgument'; break }
        '^NOT_' { 'InvalidType'; break }
        '^(TIMED_OUT|VOLUME_NOT_RESPONDING|OUTCOME_UNKNOWN)' { 'OperationTimeout'; break }
        '^CANCELLED' { 'OperationStopped'; break }
        '^UNSUPPORTED' { 'NotImplemented'; break }
        '^(TOO_MANY_|MESSAGE_TOO_LARGE|VOLUME_FULL|OUT_OF_MEMORY)' { 'LimitsExceeded'; break }
        '^TARGET_CHANGED' { 'InvalidOperation'; break }
        default { 'NotSpecified' }
    }
    $record = [System.Management.Automation.ErrorRecord]::new($Exception, $name, $category, $Path)
    $record.ErrorDetails = [System.Management.Automation.ErrorDetails]::new(('{0}: {1}' -f $Path, $Exception.Message))
    return $record
}

# One path failed: the next one may not. Without a service that can be trusted none will do better.
function Write-Failure {
    param($Cmdlet, [System.Exception]$Exception, [string]$Path)

    $record = ConvertTo-ErrorRecord $Exception $Path
    if ('NO_SERVICE', 'UNTRUSTED_SERVICE' -ccontains $Exception.Data['name']) {
        $Cmdlet.ThrowTerminatingError($record)
    }
    $Cmdlet.WriteError($record)
}

# ---- the connection ----

# What .NET does not tell: who serves a pipe, which process the service is, and whether there is a pipe at all.
if (-not ('Junction.Native' -as [type])) {
    Add-Type -Namespace Junction -Name Native -MemberDefinition @'
[DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
static extern bool WaitNamedPipeW(string name, uint milliseconds);
[DllImport("kernel32.dll", SetLastError = true)]
static extern bool GetNamedPipeServerProcessId(SafeHandle pipe, out uint process);
[DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
static extern IntPtr OpenSCManagerW(string machine, string database, uint access);
[DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
static extern IntPtr OpenServiceW(IntPtr manager, string name, uint access);
[DllImport("advapi32.dll", SetLastError = true)]
static extern bool QueryServiceStatusEx(IntPtr service, int level, [Out] uint[] status, uint size, out uint needed);
[DllImport("advapi32.dll", SetLastError = true)]
static extern bool CloseServiceHandle(IntPtr handle);

public static int WaitForPipe(string name, uint milliseconds)
{
    return WaitNamedPipeW(name, milliseconds) ? 0 : Marshal.GetLastWin32Error();
}

public static uint ServerProcess(SafeHandle pipe)
{
    uint process;
    return GetNamedPipeServerProcessId(pipe, out process) ? process : 0;
}

// 0: not running, or the service manager does not tell this caller.
public static uint ServiceProcess(string name)
{
    uint[] status = new uint[9];
    uint needed;
    IntPtr manager = OpenSCManagerW(null, null, 1), service = IntPtr.Zero;
    if (manager != IntPtr.Zero) service = OpenServiceW(manager, name, 4);
    bool told = service != IntPtr.Zero && QueryServiceStatusEx(service, 0, status, 36, out needed);
    if (service != IntPtr.Zero) CloseServiceHandle(service);
    if (manager != IntPtr.Zero) CloseServiceHandle(manager);
    return told ? status[7] : 0;
}
'@
}

# Only the system can be at the other end: nothing is sent before that is known.
function Assert-Trusted {
    param([System.IO.Pipes.NamedPipeClientStream]$Pipe)

    try {
        if ($PSVersionTable.PSVersion.Major -ge 6) {
            $security = [System.IO.Pipes.PipesAclExtensions]::GetAccessControl($Pipe)
        } else {
            $security = $Pipe.GetAccessControl()
        }
        $owner = $security.GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    } catch {
        throw (New-Failure 'UNTRUSTED_SERVICE' 'the system does not tell whose pipe this is; nothing was sent')
    }
    if ($owner -cne 'S-1-5-18') {
        throw (New-Failure 'UNTRUSTED_SERVICE' "the pipe belongs to $owner, not to the system; nothing was sent")
    }
    $expected = [Junction.Native]::ServiceProcess($script:ServiceName)
    $server = [Junction.Native]::ServerProcess($Pipe.SafePipeHandle)
    if ($expected -ne 0 -and $server -ne $expected) {
        throw (New-Failure 'UNTRUSTED_SERVICE' "the pipe is served by process $server, the service is process $expected; nothing was sent")
    }
}

# A connection of its own for each request: nothing must be kept alive while the next path is awaited. The caller disposes of .Pipe.
function Open-Connection {
    param([string]$Request, [bool]$Changes)

    $deadline = [datetime]::UtcNow.AddSeconds($script:Patience)
    $line = $script:Utf8.GetBytes($Request + "`n")
    if ($line.Length -gt $script:MaxLine + 1) {
        throw (New-Failure 'MESSAGE_TOO_LARGE' 'the names are too long to be sent')
    }
    if ([Junction.Native]::WaitForPipe('\\.\pipe\' + $script:PipeName, 1000 * $script:Patience) -eq 2) {
        throw (New-Failure 'NO_SERVICE' 'the junctiond service is not running')
    }
    # The service works with the rights that a caller lends it: by default .NET lends none.
    $pipe = [System.IO.Pipes.NamedPipeClientStream]::new('.', $script:PipeName, [System.IO.Pipes.PipeDirection]::InOut,
        [System.IO.Pipes.PipeOptions]::Asynchronous, [System.Security.Principal.TokenImpersonationLevel]::Impersonation)
    $connection = @{
        Pipe = $pipe; Deadline = $deadline; Changes = $Changes; Sent = $false
        Bytes = [byte[]]::new($script:MaxLine + 2); Begin = 0; End = 0
    }
    try {
        try {
            $left = [int][Math]::Max(1, ($deadline - [datetime]::UtcNow).TotalMilliseconds)
            $pipe.Connect($left)
        } catch {
            $reason = $_.Exception.GetBaseException()
            if ($reason -is [System.TimeoutException]) {
                throw (New-Failure 'TIMED_OUT' 'the service did not take the connection in time')
            }
            if ($reason -is [System.UnauthorizedAccessException]) {
                throw (New-Failure 'ACCESS_DENIED' 'no permission to connect to the service')
            }
            throw (New-Failure 'NO_SERVICE' ('the service cannot be reached: ' + $reason.Message))
        }
        Assert-Trusted $pipe
        try {
            $null = Wait-Transfer $connection { $pipe.WriteAsync($line, 0, $line.Length) }
            $connection.Sent = $true
        } catch {
            # Who is not served is told so before the pipe is closed: what is read next says why.
            if ($connection.Sent) { throw }
        }
    } catch {
        $pipe.Dispose()
        throw
    }
    return $connection
}

# Begins a transfer and waits for its end, in short steps so that Ctrl+C is heard. Answers what it answers.
function Wait-Transfer {
    param([hashtable]$Connection, [scriptblock]$Begin)

    $late = $false
    try {
        $task = & $Begin
        while (-not $task.Wait(200) -and -not $late) {
            $late = [datetime]::UtcNow -gt $Connection.Deadline
        }
    } catch {
        throw (New-Loss $Connection 'NO_SERVICE' ('the connection was lost: ' + $_.Exception.GetBaseException().Message))
    }
    if ($late -and -not $task.IsCompleted) {
        $Connection.Sent = $true # or it may be, any moment
        throw (New-Loss $Connection 'TIMED_OUT' "no answer within $($script:Patience) s")
    }
    if ($task -is [System.Threading.Tasks.Task[int]]) { return $task.Result }
}

# No answer will come. Whether a change was made is then not known.
function New-Loss {
    param([hashtable]$Connection, [string]$Name, [string]$Message)

    if ($Connection.Changes -and $Connection.Sent) {
        return New-Failure 'OUTCOME_UNKNOWN' "$Message; look at the link before trying again"
    }
    return New-Failure $Name $Message
}

# The next line as text, without its end.
function Read-Line {
    param([hashtable]$Connection)

    while ($true) {
        $length = $Connection.End - $Connection.Begin
        $newline = [Array]::IndexOf($Connection.Bytes, [byte]10, $Connection.Begin, $length)
        if ($newline -ge 0) {
            $begin = $Connection.Begin
            $Connection.Begin = $newline + 1
            try {
                return $script:Utf8.GetString($Connection.Bytes, $begin, $newline - $begin)
            } catch {
                throw (New-Loss $Connection 'BAD_ANSWER' 'the answer is no UTF-8')
            }
        }
        if ($Connection.Begin -gt 0) {
            [System.Buffer]::BlockCopy($Connection.Bytes, $Connection.Begin, $Connection.Bytes, 0, $length)
            $Connection.Begin = 0
            $Connection.End = $length
        }
        $space = $Connection.Bytes.Length - $Connection.End
        if ($space -eq 0) {
            throw (New-Loss $Connection 'BAD_ANSWER' 'a line of the answer is too long')
        }
        $count = Wait-Transfer $Connection { $Connection.Pipe.ReadAsync($Connection.Bytes, $Connection.End, $space) }
        if ($count -eq 0) {
            throw (New-Loss $Connection 'NO_SERVICE' 'the service closed the connection before it answered')
        }
        $Connection.End += $count
    }
}

# ---- messages ----

# Strings carry a mark in front, since PowerShell 7 makes a date of what looks like one, be it a name. Get-Text takes it off.
function ConvertFrom-Line {
    param([string]$Line)

    return [regex]::Replace($Line, '"([^"\\]*(?:\\.[^"\\]*)*)"', '"=$1"') | ConvertFrom-Json
}

function Get-Value {
    param($Object, [string]$Name)

    if ($null -ne $Object) {
        $property = $Object.PSObject.Properties['=' + $Name]
        if ($null -ne $property) { return $property.Value }
    }
}

# A name that is no valid Unicode comes in hex, as the UTF-16 units that it is made of; .NET strings hold them as they are.
function Get-Text {
    param($Object, [string]$Name)

    $hex = Get-Value $Object ($Name + 'Utf16')
    if ($hex -is [string]) {
        $units = @(for ($i = 1; $i + 3 -lt $hex.Length; $i += 4) {
                [char][Convert]::ToUInt16($hex.Substring($i + 2, 2) + $hex.Substring($i, 2), 16)
            })
        return [string]::new([char[]]$units)
    }
    $text = Get-Value $Object $Name
    if ($text -is [string]) { return $text.Substring(1) }
}

# The next message that matters: .Entries of a list, .Progress, or the .Result. An error is thrown.
function Receive-Message {
    param([hashtable]$Connection)

    while ($true) {
        $line = Read-Line $Connection
        if ($line.Trim() -eq '') { continue }
        $Connection.Deadline = [datetime]::MaxValue # a list may take its time; the service minds the steps
        try {
            $message = ConvertFrom-Line $line
        } catch {
            throw (New-Loss $Connection 'BAD_ANSWER' 'the answer is no JSON')
        }
        $failed = Get-Value $message 'error'
        if ($null -ne $failed) { throw (New-ServiceFailure $failed) }
        $result = Get-Value $message 'result'
        if ($null -ne $result) { return @{ Entries = @(); Progress = $null; Result = $result } }
        $params = Get-Value $message 'params'
        switch -CaseSensitive -Exact (Get-Text $message 'method') {
            'reparse.entries' { return @{ Entries = @(Get-Value $params 'entries'); Progress = $null; Result = $null } }
            'progress' { return @{ Entries = @(); Progress = $params; Result = $null } }
        }
    }
}

function Get-Answer {
    param([string]$Request, [bool]$Changes)

    $connection = Open-Connection $Request $Changes
    try {
        do { $message = Receive-Message $connection } while ($null -eq $message.Result)
        return $message.Result
    } finally {
        $connection.Pipe.Dispose()
    }
}

function New-Request {
    param([string]$Command, [hashtable]$Arguments)

    $shape = $script:Requests.$Command
    $params = [ordered]@{}
    foreach ($row in $shape.names.PSObject.Properties) {
        $text = $Arguments[$row.Name]
        if (-not $text) { continue }
        if ($text -match '[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]|\x00') {
            $units = foreach ($unit in $text.ToCharArray()) { '{0:x2}{1:x2}' -f ([int]$unit -band 255), ([int]$unit -shr 8) }
            $params[$row.Value + 'Utf16'] = -join $units
        } else {
            $params[$row.Value] = $text
        }
    }
    foreach ($row in $shape.switches.PSObject.Properties) {
        if ($Arguments[$row.Name]) { $params[$row.Value] = $true }
    }
    foreach ($row in $shape.lists.PSObject.Properties) {
        if ($Arguments[$row.Name]) { $params[$row.Value] = [string[]]$Arguments[$row.Name] }
    }
    return ConvertTo-Json ([ordered]@{ jsonrpc = '2.0'; id = 1; method = $shape.method; params = $params }) -Compress -Depth 5
}

# What a user wrote, made absolute as PowerShell sees it: its current location and its drives. Nothing needs to exist.
function Resolve-Name {
    param($Cmdlet, [string]$Name)

    # Taken as they are, as the system itself does.
    if ($Name -match '^(\\\\[?.]|\\\?\?)\\') { return $Name }
    $provider = $null
    $drive = $null
    try {
        $full = $Cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Name, [ref]$provider, [ref]$drive)
    } catch {
        # A letter that is no drive here: a target may lead there all the same.
        if ($_.Exception.GetBaseException() -is [System.Management.Automation.DriveNotFoundException] -and $Name -match '^[A-Za-z]:[\\/]') {
            return $Name
        }
        throw (New-Failure 'INVALID_PATH' ($_.Exception.GetBaseException().Message))
    }
    if ($provider.Name -ne 'FileSystem') {
        throw (New-Failure 'INVALID_PATH' "it belongs to the provider $($provider.Name), not to a file system")
    }
    if ($full.Length -gt 3) { $full = $full.TrimEnd('\') }
    return $full
}

function ConvertTo-Entry {
    param($Entry)

    $created = Get-Text $Entry 'created'
    $time = [datetime]::MinValue
    $culture = [System.Globalization.CultureInfo]::InvariantCulture
    $styles = [System.Globalization.DateTimeStyles]'AssumeUniversal, AdjustToUniversal'
    if ($created -and [datetime]::TryParse($created, $culture, $styles, [ref]$time)) { $created = $time }
    return [pscustomobject]@{
        PSTypeName     = 'Junction.Entry'
        Path           = Get-Text $Entry 'path'
        Kind           = Get-Text $Entry 'kind'
        Type           = Get-Text $Entry 'type'
        Tag            = Get-Text $Entry 'tag'
        TagName        = Get-Text $Entry 'tagName'
        Target         = Get-Text $Entry 'target'
        SubstituteName = Get-Text $Entry 'substituteName'
        PrintName      = Get-Text $Entry 'printName'
        FileId         = Get-Text $Entry 'fileId'
        Created        = $created
        Relative       = Get-Value $Entry 'relative'
        State          = Get-Text $Entry 'state'
        Malformed      = [bool](Get-Value $Entry 'malformed')
    }
}

function ConvertTo-Change {
    param($Result)

    return [pscustomobject]@{
        PSTypeName     = 'Junction.Change'
        Path           = Get-Text $Result 'link'
        Target         = Get-Text $Result 'target'
        PreviousTarget = Get-Text $Result 'previousTarget'
        SubstituteName = Get-Text $Result 'substituteName'
        PrintName      = Get-Text $Result 'printName'
        FileId         = Get-Text $Result 'fileId'
        Outcome        = Get-Text $Result 'outcome'
    }
}

# Asks, and then makes the change. With -WhatIf the service goes through all of it but the change itself, and so tells what would go wrong.
function Invoke-Change {
    param($Cmdlet, [string]$Command, [hashtable]$Arguments, [string]$Action)

    if ($Arguments.WhatIf) {
        $change = ConvertTo-Change (Get-Answer (New-Request $Command $Arguments) $false)
        $text = '{0}: {1} -> {2} ({3})' -f $Action, $change.Path, $change.Target, $change.Outcome
        $null = $Cmdlet.ShouldProcess($text, $text, $Action)
        return
    }
    $what = $Arguments.Path
    if ($Arguments['Target']) { $what = '{0} -> {1}' -f $what, $Arguments.Target }
    if ($Cmdlet.ShouldProcess($what, $Action)) {
        return ConvertTo-Change (Get-Answer (New-Request $Command $Arguments) $true)
    }
}

# Junctions from Windows PowerShell 5.1 and PowerShell 7, through the junctiond service. Needs no program beside it.
#requires -Version 5.1
Set-StrictMode -Version 3.0
. (Join-Path $PSScriptRoot 'Protocol.ps1')

function New-Junction {
    <#
    .SYNOPSIS
    Makes a junction, or turns an existing one to another target.
    .DESCRIPTION
    The junctiond service does the work with the rights of the caller. A link that is missing is made; an empty directory becomes the
    junction; a junction that leads to the target already is a success ("unchanged"), any other is turned with -Replace only, in one step.
    Errors carry the protocol's name as the first part of FullyQualifiedErrorId, such as ALREADY_EXISTS, and as Exception.Data['name'].
    .PARAMETER Path
    The link, or several that are to lead to the same target.
    .PARAMETER Target
    The directory that it leads to. It need not exist. Network paths are refused.
    .PARAMETER Replace
    Turns an existing junction that leads elsewhere.
    .PARAMETER Expect
    With -Replace: only if the link leads there now (TARGET_CHANGED otherwise).
    .PARAMETER Parents
    Makes missing directories above the link.
    .PARAMETER MustExist
    Refuses a target that leads to no directory (TARGET_NOT_FOUND).
    .EXAMPLE
    New-Junction C:\app\current C:\app\v2 -Replace -Expect C:\app\v1
    .EXAMPLE
    Import-Csv links.csv | New-Junction -WhatIf
    Tells for each row (columns Path and Target) what would happen, errors included; changes nothing.
    .OUTPUTS
    Junction.Change: Path, Target, PreviousTarget, SubstituteName, PrintName, FileId, Outcome (created, converted, replaced, unchanged).
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('Junction.Change')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)]
        [Alias('FullName', 'Link')]
        [ValidateNotNullOrEmpty()]
        [string[]]$Path,

        [Parameter(Mandatory, Position = 1, ValueFromPipelineByPropertyName)]
        [ValidateNotNullOrEmpty()]
        [string]$Target,

        [switch]$Replace,

        [string]$Expect,

        [switch]$Parents,

        [switch]$MustExist
    )
    process {
        foreach ($item in $Path) {
            try {
                $arguments = @{
                    Path    = Resolve-Name $PSCmdlet $item
                    Target  = Resolve-Name $PSCmdlet $Target
                    Replace = $Replace.IsPresent; Parents = $Parents.IsPresent; MustExist = $MustExist.IsPresent
                    WhatIf  = [bool]$WhatIfPreference
                }
                if ($Expect) { $arguments.Expect = Resolve-Name $PSCmdlet $Expect }
                Invoke-Change $PSCmdlet 'New-Junction' $arguments 'Create junction'
            } catch {
                Write-Failure $PSCmdlet $_.Exception $item
            }
        }
    }
}

function Remove-Junction {
    <#
    .SYNOPSIS
    Removes a junction, never what it leads to.
    .DESCRIPTION
    Volume mount points, symbolic links, other reparse points, ordinary directories and files are refused with NOT_A_JUNCTION.
    .PARAMETER Path
    The junctions.
    .PARAMETER Expect
    Only if the link leads there now (TARGET_CHANGED otherwise).
    .PARAMETER KeepDirectory
    Leaves an empty ordinary directory in its place.
    .PARAMETER PassThru
    Answers what was removed; without it nothing is written.
    .EXAMPLE
    Remove-Junction C:\app\current -Expect C:\app\v2
    .EXAMPLE
    Find-Junction C:\app -Recurse -Type junction -Check | Where-Object State -eq dangling | Remove-Junction -WhatIf
    .OUTPUTS
    With -PassThru a Junction.Change; its Outcome is deleted or cleared.
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('Junction.Change')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('FullName', 'Link')]
        [ValidateNotNullOrEmpty()]
        [string[]]$Path,

        [string]$Expect,

        [switch]$KeepDirectory,

        [switch]$PassThru
    )
    process {
        foreach ($item in $Path) {
            try {
                $arguments = @{
                    Path   = Resolve-Name $PSCmdlet $item; KeepDirectory = $KeepDirectory.IsPresent
                    WhatIf = [bool]$WhatIfPreference
                }
                if ($Expect) { $arguments.Expect = Resolve-Name $PSCmdlet $Expect }
                $change = Invoke-Change $PSCmdlet 'Remove-Junction' $arguments 'Remove junction'
                if ($PassThru -and $null -ne $change) { $change }
            } catch {
                Write-Failure $PSCmdlet $_.Exception $item
            }
        }
    }
}

function Get-Junction {
    <#
    .SYNOPSIS
    Tells what is known about a reparse point: a junction, a symbolic link, a mount point, or any other.
    .DESCRIPTION
    The path itself is never followed. An ordinary directory or file is the error NOT_A_REPARSE_POINT.
    .PARAMETER Path
    The reparse points.
    .PARAMETER Check
    Also looks where each one leads to, with the rights of the caller, and says so in State.
    .EXAMPLE
    Get-Junction 'C:\Documents and Settings' -Check
    .OUTPUTS
    Junction.Entry: Path, Kind, Type, Tag, TagName, Target, SubstituteName, PrintName, FileId, Created (UTC), Relative, State, Malformed.
    #>
    [CmdletBinding()]
    [OutputType('Junction.Entry')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('FullName', 'Link')]
        [ValidateNotNullOrEmpty()]
        [string[]]$Path,

        [switch]$Check
    )
    process {
        foreach ($item in $Path) {
            try {
                $full = Resolve-Name $PSCmdlet $item
                ConvertTo-Entry (Get-Answer (New-Request 'Get-Junction' @{ Path = $full; Check = $Check.IsPresent }) $false)
            } catch {
                Write-Failure $PSCmdlet $_.Exception $item
            }
        }
    }
}

function Find-Junction {
    <#
    .SYNOPSIS
    Lists the reparse points in directories, below them, or on their volumes, as they are found.
    .DESCRIPTION
    Links are listed and never entered; other volumes are not entered either. A place that cannot be read is an error record, and the
    list goes on. Slow readers are waited for, up to ten minutes without taking anything.
    .PARAMETER Path
    The directories; the current location when not given.
    .PARAMETER Recurse
    Everything below, too.
    .PARAMETER Volume
    The whole volume that the path is on.
    .PARAMETER Type
    Only these types.
    .PARAMETER Check
    Also looks where each one leads to, with the rights of the caller, and says so in State.
    .EXAMPLE
    Find-Junction C:\Users -Recurse -Type junction -Check | Where-Object State -ne ok
    .OUTPUTS
    Junction.Entry, as Get-Junction gives it.
    #>
    [CmdletBinding()]
    [OutputType('Junction.Entry')]
    param(
        [Parameter(Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('FullName', 'Link')]
        [ValidateNotNullOrEmpty()]
        [string[]]$Path = '.',

        [switch]$Recurse,

        [switch]$Volume,

        [ValidateSet('junction', 'mountPoint', 'symlink', 'wslSymlink', 'wslSpecial', 'appExecLink', 'cloud', 'other', 'unknown',
            IgnoreCase = $false)]
        [string[]]$Type,

        [switch]$Check
    )
    process {
        foreach ($item in $Path) {
            $connection = $null
            try {
                $full = Resolve-Name $PSCmdlet $item
                $connection = Open-Connection (New-Request 'Find-Junction' @{
                        Path = $full; Recurse = $Recurse.IsPresent; Volume = $Volume.IsPresent; Type = $Type; Check = $Check.IsPresent
                    }) $false
                do {
                    $message = Receive-Message $connection
                    foreach ($entry in $message.Entries) {
                        $failed = Get-Value $entry 'error'
                        if ($null -eq $failed) {
                            ConvertTo-Entry $entry
                        } else {
                            $PSCmdlet.WriteError((ConvertTo-ErrorRecord (New-ServiceFailure $failed) (Get-Text $entry 'path')))
                        }
                    }
                    if ($null -ne $message.Progress) {
                        Write-Progress -Activity "Find-Junction $full" -Status ('{0} directories, {1} reparse points' -f
                            (Get-Value $message.Progress 'directories'), (Get-Value $message.Progress 'entries'))
                    }
                } while ($null -eq $message.Result)
                Write-Verbose ('{0}: {1} reparse points in {2} directories, {3} places could not be read, by {4}, {5} ms' -f $full,
                    (Get-Value $message.Result 'count'), (Get-Value $message.Result 'directories'), (Get-Value $message.Result 'skipped'),
                    (Get-Text $message.Result 'source'), (Get-Value $message.Result 'elapsedMs'))
                if (Get-Value $message.Result 'truncated') { Write-Warning "${full}: the list ended early" }
            } catch {
                Write-Failure $PSCmdlet $_.Exception $item
            } finally {
                if ($null -ne $connection) {
                    $connection.Pipe.Dispose()
                    Write-Progress -Activity "Find-Junction $full" -Completed
                }
            }
        }
    }
}

Export-ModuleMember -Function 'New-Junction', 'Get-Junction', 'Remove-Junction', 'Find-Junction'

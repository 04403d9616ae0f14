@{
    RootModule           = 'Junction.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '6f2f2c1e-51f5-4c0e-9a5e-6a3d8c0b7e41'
    Author               = 'The junction contributors'
    Copyright            = 'MIT licence'
    Description          = 'Makes, shows, finds and removes NTFS junctions through the junctiond service, with the rights of whoever calls.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FormatsToProcess     = @('Junction.Format.ps1xml')
    FunctionsToExport    = @('New-Junction', 'Get-Junction', 'Remove-Junction', 'Find-Junction')
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{ PSData = @{ Tags = @('NTFS', 'junction', 'reparse', 'Windows') } }
}

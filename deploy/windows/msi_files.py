"""What goes into the package, and under which names: prepares the directory in which build-msi.sh runs wixl.

    msi_files.py PROGRAMS VERSION EPOCH WORK

WORK/files/           copies of the files, all of time EPOCH
WORK/*.wxi            the directories, files and components, for junction.wxs
WORK/variables        NAME=VALUE, for junction.wxs
WORK/queries          what wixl does not write: one SQL statement a line

Every identifier that Windows Installer wants follows from a name (uuid5 below the upgrade code), so that the same version is the
same product, a path the same component for ever, and the same contents the same package.
"""
import hashlib
import os
import re
import shutil
import struct
import sys
import uuid
from pathlib import Path
from xml.sax.saxutils import quoteattr

UPGRADE_CODE = uuid.UUID("534D71F3-AFAE-4D84-A304-78E57DE96FF7")  # what makes all versions one product: never change it

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DOCUMENTS = {
    "README.md": "README.md",
    "SECURITY.md": "SECURITY.md",
    "LICENSE.txt": "LICENSE",
    "protocol.md": "protocol/protocol.md",
    "openrpc.json": "protocol/openrpc.json",
    "config.schema.json": "service/config.schema.json",
    "windows.md": "deploy/windows/README.md",
}
OPTIONAL_DOCUMENTS = {
    "remote.md": "deploy/windows/remote.md",
    "junction.json": "deploy/windows/junction.json",
}


def fail(text):
    sys.exit(f"msi_files.py: {text}")


def guid(name):
    return str(uuid.uuid5(UPGRADE_CODE, name)).upper()


def file_version(path):
    """The version resource of a program, as the File table wants it; None when it has none."""
    data = path.read_bytes()
    at = data.find(struct.pack("<II", 0xFEEF04BD, 0x00010000))  # VS_FIXEDFILEINFO: signature, structure version
    if at < 0:
        return None
    high, low = struct.unpack_from("<II", data, at + 8)
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


def identifier(prefix, name):
    result = prefix + re.sub(r"[^A-Za-z0-9_.]", "_", name)
    return result if len(result) <= 72 else prefix + guid(name).replace("-", "")


class Names:
    """The file system's short names: the tables want one beside each name that is not 8.3."""

    def __init__(self):
        self.taken = set()

    def column(self, name):
        if re.fullmatch(r"[A-Za-z0-9_-]{1,8}(\.[A-Za-z0-9_-]{1,3})?", name):
            self.taken.add(name.upper())
            return name
        stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
        stem = re.sub(r"[^A-Za-z0-9_-]", "", stem).upper()[:6] or "X"
        extension = re.sub(r"[^A-Za-z0-9_-]", "", extension).upper()[:3]
        for number in range(1, 10):
            short = f"{stem}~{number}{'.' + extension if dot else ''}"
            if short not in self.taken:
                self.taken.add(short)
                return f"{short}|{name}"
        fail(f"too many names like {name}")


class Package:
    def __init__(self, work, epoch):
        self.work = work
        self.epoch = epoch
        self.queries = []
        self.components = []
        self.ids = set()
        self.contents = hashlib.sha256()
        (work / "files").mkdir(parents=True)

    def stage(self, source, key):
        """Copies a file; wixl takes relative names only."""
        if key in self.ids:
            fail(f"two files would be called {key}")
        self.ids.add(key)
        copy = self.work / "files" / key
        shutil.copyfile(source, copy)
        os.utime(copy, (self.epoch, self.epoch))
        self.contents.update(f"{key} {hashlib.sha256(copy.read_bytes()).hexdigest()}\n".encode())
        return f"files/{key}"

    def program(self, source, key, names):
        if not source.is_file():
            fail(f"there is no {source}")
        self.stage(source, source.name)
        self.queries.append(f"UPDATE `File` SET `FileName` = '{names.column(source.name)}' WHERE `File` = '{key}'")
        version = file_version(source)
        if version is not None:
            # A program with a version is replaced by version, not by hash; and the table must not say both.
            self.queries.append(f"UPDATE `File` SET `Version` = '{version}', `Language` = '1033' WHERE `File` = '{key}'")
            self.queries.append(f"DELETE FROM `MsiFileHash` WHERE `File_` = '{key}'")

    def directory(self, name, key, place, names, files, inner=()):
        """The element of a directory; files: name -> source; place: its path, for the components' identifiers."""
        column = names.column(name)
        if column != name:
            self.queries.append(f"UPDATE `Directory` SET `DefaultDir` = '{column}' WHERE `Directory` = '{key}'")
        lines = [f"<Directory Id={quoteattr(key)} Name={quoteattr(name)}>"]
        own = Names()
        for file, source in sorted(files.items()):
            entry = identifier("F_", f"{key}_{file}")
            component = identifier("C_", f"{key}_{file}")
            lines.append(
                f'<Component Id={quoteattr(component)} Guid="{guid(place + "/" + file)}" Win64="yes">'
                f"<File Id={quoteattr(entry)} Name={quoteattr(file)} Source={quoteattr(self.stage(source, entry))}"
                f' KeyPath="yes" /></Component>'
            )
            self.components.append(component)
            column = own.column(file)
            if column != file:
                self.queries.append(f"UPDATE `File` SET `FileName` = '{column}' WHERE `File` = '{entry}'")
        return lines + list(inner) + ["</Directory>"]

    def tree(self, directory, name, key, place, names):
        """The same for everything in a directory."""
        files = {path.name: path for path in directory.iterdir() if path.is_file()}
        own = Names()
        inner = []
        for path in sorted(path for path in directory.iterdir() if path.is_dir()):
            inner += self.tree(path, path.name, identifier(f"{key}_", path.name), f"{place}/{path.name}", own)
        return self.directory(name, key, place, names, files, inner)

    def include(self, name, lines):
        namespace = "http://schemas.microsoft.com/wix/2006/wi"
        text = "\n".join([f'<Include xmlns="{namespace}">', *lines, "</Include>", ""])
        (self.work / name).write_text(text, encoding="utf-8")


def module_version(manifest):
    match = re.search(r"^\s*ModuleVersion\s*=\s*['\"]([0-9]+(?:\.[0-9]+){1,3})['\"]", manifest.read_text(encoding="utf-8-sig"), re.M)
    if match is None:
        fail(f"{manifest} has no ModuleVersion")
    return match.group(1)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    programs, version, epoch, work = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    package = Package(work, epoch)

    names = Names()
    package.program(programs / "junction.exe", "JunctionExe", names)
    package.program(programs / "junctiond.exe", "JunctiondExe", names)
    documents = {name: ROOT / source for name, source in DOCUMENTS.items()}
    documents.update({name: ROOT / source for name, source in OPTIONAL_DOCUMENTS.items() if (ROOT / source).is_file()})
    package.include("documents.wxi", package.directory("doc", "DocDir", "InstallDir/doc", names, documents))

    module = []
    manifest = HERE / "Junction" / "Junction.psd1"
    if manifest.is_file():
        # PowerShell finds a module in Modules\NAME\VERSION only when the manifest says the same version.
        number = module_version(manifest)
        place = f"WindowsPowerShell/Modules/Junction/{number}"
        module = package.tree(manifest.parent, number, "ModuleVersionDir", place, Names())
        # Removal takes empty directories with it where files were, and not those above; these RemoveFolders takes, behind RemoveFiles.
        package.queries.append(
            f"INSERT INTO `CreateFolder` (`Directory_`, `Component_`) VALUES ('ModuleDir', '{package.components[-1]}')"
        )
        for name, key in (("Junction", "ModuleDir"), ("Modules", "ModulesDir"), ("WindowsPowerShell", "PowerShellDir")):
            module = package.directory(name, key, "", Names(), {}, module)
    package.include("module.wxi", module)
    package.include("features.wxi", [f"<ComponentRef Id={quoteattr(component)} />" for component in package.components])

    for source in (HERE / "junction.wxs", HERE / "build-msi.sh", Path(__file__)):
        package.contents.update(source.read_bytes())
    contents = package.contents.hexdigest()
    variables = {
        "Version": version,
        "UpgradeCode": str(UPGRADE_CODE).upper(),
        "ProductCode": guid(f"product x64 {version}"),
        "PackageCode": guid(f"package x64 {version} {epoch} {contents}"),
        "ClientGuid": guid("InstallDir/junction.exe"),
        "ServiceGuid": guid("InstallDir/junctiond.exe"),
    }
    (work / "variables").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    (work / "queries").write_text("".join(f"{query}\n" for query in package.queries))


if __name__ == "__main__":
    main()

"""archive.py ARCHIVE REFERENCE ROOTDIR CMD...: writes an image of one layer, as `docker save` writes it.

The same files give the same bytes: owners are root, and times the beginning.
"""

import hashlib
import io
import json
import platform
import sys
import tarfile
import tempfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def anonymous(member):
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = "root"
    return member


def add_bytes(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def configuration(command, layer):
    # An entrypoint is called with a container's args, a command is replaced by them.
    field = "Cmd"
    if command[0] == "--entrypoint":
        field, command = "Entrypoint", command[1:]
    return {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {field: command, "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
    }


def main(path, reference, root, *command):
    with tempfile.TemporaryFile() as layer, tarfile.open(path, "w") as archive:
        with tarfile.open(fileobj=layer, mode="w") as files:
            files.add(root, arcname=".", filter=anonymous)
        member = tarfile.TarInfo("layer.tar")
        member.size = layer.tell()
        layer.seek(0)
        digest = hashlib.file_digest(layer, "sha256").hexdigest()
        layer.seek(0)
        archive.addfile(member, layer)
        config = json.dumps(configuration(command, digest)).encode()
        name = hashlib.sha256(config).hexdigest() + ".json"
        add_bytes(archive, name, config)
        manifest = [{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]
        add_bytes(archive, "manifest.json", json.dumps(manifest).encode())


main(*sys.argv[1:])

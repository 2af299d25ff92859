"""Folders for uploads and other files of an hour, on a read-only disk too; imported before Gradio, which needs one."""

import contextlib
import os
import stat
import sys
import tempfile

MEMORY = "/dev/shm"  # where Linux keeps files in memory


def own_folder(root: str) -> str:
    """A folder in `root` that this user alone can open, the same at every start.

    Gradio's own choice, root/gradio, is one for all users of a machine, and belongs to the one who came first.
    """
    if not hasattr(os, "getuid"):  # on Windows, each user has a temporary folder
        return os.path.join(root, "gradio")
    folder = os.path.join(root, f"gradio-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():  # another user's, or a link that one laid
        return tempfile.mkdtemp(prefix="gradio-", dir=root)
    os.chmod(folder, 0o700)
    return folder


try:
    tempfile.gettempdir()
except FileNotFoundError:
    if not os.access(MEMORY, os.W_OK):
        sys.exit("No folder for temporary files can be written to; name one in the variable TMPDIR.")
    os.environ["TMPDIR"] = tempfile.tempdir = MEMORY  # the variable is for the training workers
if not os.environ.get("GRADIO_TEMP_DIR"):
    os.environ["GRADIO_TEMP_DIR"] = own_folder(os.path.realpath(tempfile.gettempdir()))

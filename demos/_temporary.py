"""A folder for uploads and other files of an hour, on a read-only disk too; imported before Gradio, which needs one."""

import os
import sys
import tempfile

MEMORY = "/dev/shm"  # where Linux keeps files in memory

try:
    tempfile.gettempdir()
except FileNotFoundError:
    if not os.access(MEMORY, os.W_OK):
        sys.exit("No folder for temporary files can be written to; name one in the variable TMPDIR.")
    os.environ["TMPDIR"] = tempfile.tempdir = MEMORY  # the variable is for the training workers

#!/bin/sh
# Takes from a folder of installed packages what no run needs: infra/image/slim.sh FOLDER
set -eu
cd "$1"
find . -type d -name tests -prune -exec rm -r {} +
find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \
    -o -name '*.hpp' -o -name '*.a' -o -name '*.lib' \) -delete
# What only other interpreters load, Fortran's compiler, and what only numpy's own tests load.
rm -f zstandard/_cffi.*.so numpy/_core/_simd.*.so
rm -rf numpy/f2py
# Symbols that only a debugger reads. auditwheel's libraries do not survive it: they stay.
find . -type f -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} +

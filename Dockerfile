# The tag says which version it is, the digest which bytes (an index of all architectures); Dependabot raises both together.
FROM python:3.11.17-slim-bookworm@sha256:0a310eeecf4e1f5a0743f9a6520c90c88d089c903ca5fd283f501e3a805f5f89 AS builder

# git comes from Debian, whose fixes keep the upstream version: the image takes over its one binary, see below.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git=1:2.39.* binutils=2.40-* \
    && rm -rf /var/lib/apt/lists/*

# Wheels only, so nothing is compiled and no setup script is run.
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv --without-pip /app/venv \
    && python -m pip --python /app/venv/bin/python install --disable-pip-version-check --no-cache-dir --no-compile \
        --only-binary :all: --require-hashes --requirement /tmp/requirements.txt

# `python -I` looks neither at PYTHONPATH nor next to the script, so the environment has a file that says where the code is.
COPY entrypoint.py /app/entrypoint.py
COPY git_keyval /app/git_keyval
COPY lock/*.py /app/lock/
RUN /app/venv/bin/python -c 'import sysconfig; print("/app", file=open(sysconfig.get_path("purelib") + "/app.pth", "w"))'

# What no command needs: tests, commands of packages, modules that nothing imports, and the symbols of compiled ones.
COPY tools/image.py /tmp/image.py
RUN find /app/venv/lib -depth -type d -name tests -exec rm -r {} + \
    && find /app/venv/bin -type f -delete \
    && find /app/venv/lib -name '*.so' -exec strip --strip-unneeded {} + \
    && PYTHONDONTWRITEBYTECODE=1 /app/venv/bin/python /tmp/image.py


FROM python:3.11.17-slim-bookworm@sha256:0a310eeecf4e1f5a0743f9a6520c90c88d089c903ca5fd283f501e3a805f5f89 AS action

# All that is asked of git is built in (`upload-pack`, `cat-file`, `update-ref`, …), and so a part of this binary; the libraries that
# it needs are in every Debian image. Debian's package would add Perl, and commands that are never called.
COPY --from=builder /usr/bin/git /usr/bin/git
COPY --from=builder /app /app

# Nothing is ever installed here, so what the base brings for that goes: all its outside packages are pip and its kin.
# Every module is imported once, those that are imported late included: Python keeps the bytecode of what it meets, of the
# standard library too, which the base brings as source only, and of nothing that no command needs.
# An image with a module that cannot be imported, or whose git lacks a library, is not worth finishing.
RUN find /usr/local/bin -name 'pip*' -delete \
    && python -c 'import shutil, sysconfig; \
        shutil.rmtree(sysconfig.get_path("purelib"), ignore_errors=True); \
        shutil.rmtree(sysconfig.get_path("stdlib") + "/ensurepip", ignore_errors=True)' \
    && /app/venv/bin/python -I -c 'import dateutil.parser, dulwich.pack, git_keyval, importlib, pkgutil; \
        [importlib.import_module(module.name) for module in pkgutil.walk_packages(git_keyval.__path__, "git_keyval.")]' \
    && git --version

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# Isolated from what a workflow has in its environment (-I also ignores the two variables above, hence -B and -u).
ENTRYPOINT ["/app/venv/bin/python", "-I", "-B", "-u", "-X", "utf8", "/app/entrypoint.py"]

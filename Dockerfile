FROM python:3.11-slim-bookworm AS builder

# git comes from Debian: the image takes over its one binary, see below.
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*

# Wheels only, so nothing is compiled and no setup script is run.
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv --without-pip /app/venv \
    && python -m pip --python /app/venv/bin/python install --disable-pip-version-check --no-cache-dir --no-compile \
        --only-binary :all: --require-hashes --requirement /tmp/requirements.txt

# `python -I` looks neither at PYTHONPATH nor next to the script, so the environment is told where the code is.
COPY entrypoint.py /app/entrypoint.py
COPY git_keyval /app/git_keyval
COPY maintenance /app/maintenance
RUN /app/venv/bin/python -c 'import sysconfig; print("/app", file=open(sysconfig.get_path("purelib") + "/app.pth", "w"))' \
    && find /app/venv/lib -depth -type d -name tests -exec rm -r {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash /app

# Runners mount the workspace with an owner of its own, and git refuses the repositories of others.
RUN git config --system safe.directory '*'


FROM python:3.11-slim-bookworm AS action

# All that is asked of git is `git upload-pack` and `git receive-pack`, which are parts of this binary; the libraries that
# it needs are in every Debian image. Debian's package would add Perl, and commands that are never called.
COPY --from=builder /usr/bin/git /usr/bin/git
COPY --from=builder /etc/gitconfig /etc/gitconfig
COPY --from=builder /app /app

# Nothing is ever installed here, so what the base brings for that goes: all its outside packages are pip and its kin.
# And an image whose git lacks a library is not worth finishing.
RUN rm -rf /usr/local/bin/pip* $(python -c 'from sysconfig import get_path; \
        print(get_path("purelib") + "/*", get_path("stdlib") + "/ensurepip")') \
    && git --version

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# Isolated from what a workflow has in its environment (-I also ignores the two variables above, hence -B and -u).
ENTRYPOINT ["/app/venv/bin/python", "-I", "-B", "-u", "-X", "utf8", "/app/entrypoint.py"]

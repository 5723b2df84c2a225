# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A second clone of what is built here must find over 95 % of its files in the
# compiler cache (docs/rfcs/0010-build-cache.md). Only a part of the tree is built:
# every library of dialects/, which covers the precompiled header and generated
# sources. Links are never cached and are left out.
import os
import re
import shutil
import subprocess
import sys
import tempfile

root = os.environ["SINTER_ROOT"]
build = os.environ["SINTER_BUILD"]


def run(*command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}")
    return done.stdout


def objects(folder):
    listing = run("ninja", "-C", folder, "-t", "targets", "all")
    return sorted(re.findall(r"^(dialects/\S+\.cpp\.o):", listing, re.M))


def main():
    work = tempfile.mkdtemp(prefix="sinter-ccache-")
    try:
        clone = os.path.join(work, "somewhere", "else")
        # The working tree, not the commit: a developer tests before committing.
        files = run("git", "ls-files", "-co", "--exclude-standard", cwd=root).splitlines()
        for name in files:
            if os.path.isfile(os.path.join(root, name)):
                os.makedirs(os.path.dirname(os.path.join(clone, name)), exist_ok=True)
                shutil.copyfile(os.path.join(root, name), os.path.join(clone, name))
        wanted = objects(build)
        run("ninja", "-C", build, *wanted)
        run("cmake", "--preset", "release", cwd=clone)
        log = os.path.join(work, "ccache.log")
        run("ninja", "-C", os.path.join(clone, "build"), *wanted,
            env=dict(os.environ, CCACHE_STATSLOG=log))
        with open(log) as file:
            words = file.read().split()
        hits = words.count("direct_cache_hit") + words.count("preprocessed_cache_hit")
        misses = words.count("cache_miss")
        print(f"{hits} hits, {misses} misses of {len(wanted)} files")
        return 0 if wanted and hits > 0.95 * len(wanted) else 1
    finally:
        shutil.rmtree(work, ignore_errors=True)


sys.exit(main())

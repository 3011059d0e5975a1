"""A Dockerfile without an engine: its rules of good form, and the steps of its last stage done in a root directory."""
import fnmatch, json, os, re, shlex, shutil


class Dockerfile:
    KNOWN = {"FROM", "ARG", "COPY", "RUN", "ENV", "USER", "WORKDIR", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD", "LABEL", "HEALTHCHECK"}

    def __init__(self, path):
        with open(path) as file:
            text = re.sub(r"^\s*#.*\n", "", file.read(), flags=re.M).replace("\\\n", " ")
        self.steps = [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in text.splitlines() if line.strip()]
        starts = [index for index, step in enumerate(self.steps) if step[0] == "FROM"]
        self.first, self.last = self.steps[:starts[-1]], self.steps[starts[-1]:]

    def lint(self, table):
        unknown = sorted({word for word, _ in self.steps} - self.KNOWN)
        table.check("Dockerfile: only instructions there are", not unknown, unknown or "")
        images = [rest.split()[0] for word, rest in self.steps if word == "FROM"]
        unpinned = [image for image in images if ":" not in image or image.endswith(":latest")]
        table.check("Dockerfile: images by version", not unpinned, unpinned or images)
        installs = [rest for word, rest in self.steps if word == "RUN" and "apt-get install" in rest]
        tidy = all("--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists" in rest and "set -e" in rest or "&&" in rest for rest in installs)
        table.check("Dockerfile: apt leaves nothing behind", bool(installs) and tidy)
        words = [word for word, _ in self.last]
        table.check("Dockerfile: not run as root, its program in the form of a list", "USER" in words and dict(self.last)["ENTRYPOINT"].startswith("["))

    def rehearse_build(self, table, root):
        """The first stage needs Swift's image and the sources; that what it installs exists can be told here."""
        for word, rest in self.first:
            if word == "RUN" and "apt-get install" in rest:
                run = root.run("sh", "-c", rest.replace("apt-get install", "apt-get install --simulate"), check=False)
                table.check("container: what the build installs exists", run.returncode == 0, run.stderr[-300:])
        scripts = [rest.split()[0] for word, rest in self.first if word == "RUN" and rest.startswith("deploy/")]
        table.check("container: what the build runs exists", bool(scripts) and all(os.access(script, os.X_OK) for script in scripts), scripts)

    def execute(self, root, artefacts):
        """Does the last stage's steps; `artefacts` stands for what COPY --from takes. Answers (environment, user, program)."""
        environment, user, program = {}, "root", []
        for word, rest in self.last:
            if word == "COPY":
                names = [name for name in shlex.split(rest) if not name.startswith("--")]
                for source in names[:-1]:
                    path = next((artefacts[p] for p in artefacts if fnmatch.fnmatch(os.path.basename(source), p)), source)
                    target = root.inside(names[-1])
                    shutil.copy(path, target + ("/" + os.path.basename(path) if names[-1].endswith("/") else ""))
            elif word == "RUN":
                root.run("sh", "-c", rest, user=None if user == "root" else user)
            elif word == "ENV":
                environment.update(pair.split("=", 1) for pair in shlex.split(rest))
            elif word == "USER":
                user = rest
            elif word in ("ENTRYPOINT", "CMD"):
                program += json.loads(rest)
        return environment, user, program

#!/usr/bin/env python3
"""Man pages from what the program says of itself: the same source as --help.

    manual.py PROGRAM DIRECTORY [--date YYYY-MM-DD]

Writes backorderd.1 and backorderd-COMMAND.1 for each command into DIRECTORY.
"""
import argparse, json, os, subprocess

EXIT_STATUS = [
    ("0", "Done. For run: drained. For check and verify: all is well."),
    ("1", "It failed, or check or verify found something."),
    ("64", "The command line was not understood."),
    ("65", "replay: a line was rejected; the rest is done."),
    ("66", "show, explain, dead-letters: there is no such thing."),
    ("78", "The configuration is wrong: the line on standard error says where."),
]
FILES = [
    ("/etc/backorderd/backorderd.yaml", "The configuration, read where --config names no other."),
    ("/etc/credstore/backorderd.broker-url, /etc/credstore/backorderd.store-url", "URLs with secrets, handed over by systemd."),
    ("/var/lib/backorderd", "The store, if it is SQLite."),
]
ENVIRONMENT = [
    ("BACKORDERD_CONFIG", "The configuration file."),
    ("BACKORDERD_BROKER_URL, BACKORDERD_STORE_URL, BACKORDERD_LOG_LEVEL", "Win over the file. With _FILE at the end: the file that holds the value."),
    ("BACKORDERD_OPERATIONS_LISTEN", "The address of health, metrics and dashboard; null: none."),
]


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    # At the beginning of a line these two would be commands to the formatter.
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def name_of(argument):
    """-h, --help, or INPUT."""
    dashes = {"short": "-", "long": "--", "longWithSingleDash": "-"}
    return ", ".join(dashes[n["kind"]] + n["name"] for n in argument.get("names", [])) or argument["valueName"].upper()


def synopsis(command):
    words = ["\\fICOMMAND\\fR"] if command.get("subcommands") else []
    for argument in command.get("arguments", []):
        if not argument["shouldDisplay"] or argument["valueName"] in ("help", "version"):
            continue
        if argument["kind"] == "positional":
            word = f"\\fI{escape(argument['valueName'].upper())}\\fR"
        else:
            preferred = argument["preferredName"]
            word = f"\\fB{escape(name_of({**argument, 'names': [preferred]}))}\\fR"
            if argument["kind"] == "option":
                word += f" \\fI{escape(argument['valueName'])}\\fR"
        word = f"[{word}]" if argument["isOptional"] else word
        words.append(word + (" ..." if argument["isRepeating"] else ""))
    return " ".join(words)


def options(arguments):
    lines = []
    for argument in arguments:
        if not argument["shouldDisplay"]:
            continue
        head = f"\\fB{escape(name_of(argument))}\\fR"
        if argument["kind"] == "option":
            head += f" \\fI{escape(argument['valueName'])}\\fR"
        text = argument.get("abstract", "")
        if argument.get("defaultValue"):
            text += f" Default: {argument['defaultValue']}."
        lines += [".TP", head, escape(text.strip() or "See above.")]
    return lines


def listing(title, pairs):
    lines = [f".SH {title}"]
    for head, text in pairs:
        lines += [".TP", f"\\fB{escape(head)}\\fR", escape(text)]
    return lines


def page(path, command, version, date, others):
    title, own = "-".join(path), command.get("arguments", [])
    # What all of its commands take is told once.
    children = [child.get("arguments", []) for child in command.get("subcommands", [])]
    common = [a for a in children[0] if all(a in child for child in children)] if children and len(path) > 1 else []
    shared = common + [a for a in own if a not in common]
    lines = [f'.TH {escape(title.upper())} 1 {date} "backorderd {version}" "User Commands"', ".ad l", ".nh", ".SH NAME",
             f"{escape(title)} \\- {escape(command.get('abstract', title).rstrip('.'))}", ".SH SYNOPSIS"]
    subcommands = command.get("subcommands", [])
    if subcommands:
        for child in subcommands:
            lines += [f"\\fB{escape(' '.join([*path, child['commandName']]))}\\fR {synopsis(child)}", ".br"]
    else:
        lines.append(f"\\fB{escape(' '.join(path))}\\fR {synopsis(command)}")
    if command.get("discussion"):
        lines.append(".SH DESCRIPTION")
        for paragraph in command["discussion"].split("\n\n"):
            lines += [".PP", escape(paragraph)]
    if subcommands:
        lines.append(".SH COMMANDS")
        for child in subcommands:
            lines += [f".SS {escape(child['commandName'])}", escape(child.get("abstract", ""))]
            if len(path) > 1:
                if child.get("discussion"):
                    lines += [".PP", escape(child["discussion"])]
                lines += options([a for a in child.get("arguments", []) if a not in shared])
    lines += [".SH OPTIONS"] + options(shared)
    lines += listing("EXIT STATUS", EXIT_STATUS) + listing("ENVIRONMENT", ENVIRONMENT) + listing("FILES", FILES)
    others = [other for other in others if other != title]
    lines += [".SH SEE ALSO", ",\n".join(f".BR {escape(other)} (1)" for other in others).replace(",\n", " ,\n")]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("directory")
    parser.add_argument("--date", default="")
    given = parser.parse_args()
    said = [subprocess.run([given.program, argument], check=True, capture_output=True, text=True).stdout for argument in ("--experimental-dump-help", "--version")]
    root, version = json.loads(said[0])["command"], said[1].strip()
    root["subcommands"] = [c for c in root["subcommands"] if c["shouldDisplay"] and c["commandName"] != "help"]
    pages = {(root["commandName"],): root}
    for command in root["subcommands"]:
        pages[root["commandName"], command["commandName"]] = command
    os.makedirs(given.directory, exist_ok=True)
    names = sorted("-".join(path) for path in pages)
    for path, command in pages.items():
        with open(os.path.join(given.directory, "-".join(path) + ".1"), "w") as file:
            file.write(page(path, command, version, given.date, names))


if __name__ == "__main__":
    main()

"""Prints the public names of CPython's asyncio as JSON: what `asyncio.__all__` has, and the public
members of its classes, each with the class that defines it among those. Needs CPython 3.13.
"""

import asyncio
import inspect
import json
import platform

# Set when an object is made, so the class does not show them.
OF_INSTANCES = {
    "Condition": ["acquire", "locked", "release"],
    "IncompleteReadError": ["expected", "partial"],
    "LimitOverrunError": ["consumed"],
    "subprocess.Process": ["pid", "stderr", "stdin", "stdout"],
}
# Public too, though asyncio.__all__ names the functions that give them only.
BESIDES = {
    "subprocess.Process": asyncio.subprocess.Process,
    "subprocess.PIPE": asyncio.subprocess.PIPE,
    "subprocess.STDOUT": asyncio.subprocess.STDOUT,
    "subprocess.DEVNULL": asyncio.subprocess.DEVNULL,
}


def is_of_asyncio(kind):
    return kind.__module__.split(".")[0] in ("asyncio", "_asyncio")


def members(name, kind, public):
    """The members that no public base class has as well."""
    bases = [base for base in kind.__mro__[1:] if base in public]
    own = set(OF_INSTANCES.get(name, []))
    for base in kind.__mro__:
        if is_of_asyncio(base):
            own.update(member for member in vars(base) if not member.startswith("_"))
    return sorted(member for member in own if not any(hasattr(base, member) for base in bases))


def main():
    public = {name: getattr(asyncio, name) for name in asyncio.__all__} | BESIDES
    classes = {value for value in public.values() if inspect.isclass(value)}
    names = []
    for name, value in public.items():
        if name.startswith("_"):
            continue
        names.append(name)
        if inspect.isclass(value):
            names += [f"{name}.{member}" for member in members(name, value, classes)]
    print(json.dumps({"python": platform.python_version(), "names": sorted(set(names))}, indent=1))


main()

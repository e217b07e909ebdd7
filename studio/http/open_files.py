"""The number of files, connections included, that this process may have open."""

import resource


def permit_open_files(wanted: int) -> None:
    """Raise the limit to `wanted`, as far as the system permits. Many systems allow 1024."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return
    possible = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, possible), most))

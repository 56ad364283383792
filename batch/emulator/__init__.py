"""A stand-in for ApsaraVideo VOD's API: one region of the cloud, played by an aiohttp server.

It imports nothing from the rest of ``batch``, so a mistake there cannot hide here. It counts what
really happened (``/_emulator/meter``, ``/_emulator/jobs``) and misbehaves on request
(``/_emulator/faults``). Facts come from ``vod-api.md``; what is undocumented is a setting.

Run it alone: ``python -m batch.emulator --port 8808``.

A request passes through these modules, in this order::

    server     routes, process           call     HTTP request -> Call
    keys       is it who it says         faults   does the script want something else
    gateway    time, nonce, permission, account, quota, then the action
    actions/   one module per API action
    delivery   how the answer leaves, or does not

What is remembered is a ``World``; what can be set, a ``Settings``; ``admin`` has the control pages.
"""

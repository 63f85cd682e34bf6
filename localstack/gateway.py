"""LocalStack, on loopback only.

Its server ignores the host of GATEWAY_LISTEN for IPv4 and takes every address; here it is told which.
"""

import functools
import runpy

from twisted.internet import endpoints

endpoints.TCP4ServerEndpoint = functools.partial(
    endpoints.TCP4ServerEndpoint, interface="127.0.0.1"
)
runpy.run_module("localstack.runtime.main", run_name="__main__")

"""What can be asked of a server: each method builds requests and says how their answers are read.

Both clients perform these calls, so that every keyword is written once. A keyword of None leaves the choice to the
server, whose defaults are in its description at `/docs`.
"""

from latentserve.calls.paths import PathCalls
from latentserve.calls.pictures import PictureCalls
from latentserve.calls.points import PointCalls
from latentserve.calls.samples import SampleCalls
from latentserve.calls.server import ServerCalls
from latentserve.calls.spaces import SpaceCalls

__all__ = ["ModelCalls", "ServerCalls"]


class ModelCalls(SampleCalls, PointCalls, PictureCalls, PathCalls, SpaceCalls):
    """Builds the calls about one version of one model."""

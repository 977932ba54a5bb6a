"""Ranks: several processes that train one network, as `torchrun` starts them; one process without it.

A rank is one process with one device. Ranks form a grid, data × column: the `columns` ranks of a row hold one
network between them, and each row takes its share of every batch. Everything here holds for one process too,
which is alone in its grid and sets up no `torch.distributed`.

A rank that dies must not leave the others waiting: sockets to a killed process break at once; one that hangs,
or whose machine is gone, is noticed after `TIMEOUT` seconds. Then those that live look at signs of life which
every rank leaves in torchrun's store, and say which rank is lost, and in which exchange.
"""

from alexnet.parallel.exchange import Among as Among
from alexnet.parallel.exchange import anywhere as anywhere
from alexnet.parallel.exchange import exchange as exchange
from alexnet.parallel.exchange import from_all as from_all
from alexnet.parallel.exchange import from_first as from_first
from alexnet.parallel.exchange import gathered as gathered
from alexnet.parallel.exchange import highest as highest
from alexnet.parallel.exchange import meet as meet
from alexnet.parallel.exchange import summed as summed
from alexnet.parallel.world import PATIENCE as PATIENCE
from alexnet.parallel.world import TIMEOUT as TIMEOUT
from alexnet.parallel.world import World as World
from alexnet.parallel.world import joined as joined
from alexnet.parallel.world import part as part
from alexnet.parallel.world import world as world

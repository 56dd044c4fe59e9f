"""Where one machine is outgrown: the ports of `knowledge_base.index` on a Ray cluster (the extra `scale`).

Nothing is true on the cluster: what it holds was made from the database and can be made again, and every
answer it does not give is given by the machine that asked. Only this package imports ray.
"""

import os

# Ray ends a process that has not heard of the head for 60 seconds. What serves people must outlive it. It is
# read when ray is imported, and never again.
os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(10 * 365 * 24 * 3600))

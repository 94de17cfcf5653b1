"""No module imports itself by way of others, not even inside a function."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp


def test_modules_import_one_another_without_circles() -> None:
    graph = grimp.build_graph("lipiyana", exclude_type_checking_imports=True)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    order = list(TopologicalSorter(imports).static_order())  # raises CycleError, which names it
    assert order.index("lipiyana.server.processes.run") < order.index("lipiyana.server.startup")

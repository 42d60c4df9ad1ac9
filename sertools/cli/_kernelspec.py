"""The kernels that `sertools lab` offers; for JupyterLab, as help must not wait."""

import sys

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager


class ThisInterpreter(KernelSpecManager):
    """Offer all registered kernels, with this interpreter as ``python3``.

    The notebooks ask for that one, and run where sertools is installed.
    """

    def find_kernel_specs(self) -> dict[str, str]:
        """Give the folder of each kernel by name."""
        return {**super().find_kernel_specs(), NATIVE_KERNEL_NAME: RESOURCES}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Give one kernel: this interpreter, or another as it is registered."""
        if kernel_name.lower() != NATIVE_KERNEL_NAME:
            return super().get_kernel_spec(kernel_name)
        # The notebooks' own words: another name would change them when they are saved.
        facts = {**get_kernel_dict(), "display_name": "Python 3"}
        facts["argv"][0] = sys.executable
        return KernelSpec(resource_dir=RESOURCES, **facts)

"""Audio in: waveforms from files and arrays, windows, and stretches of speech."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

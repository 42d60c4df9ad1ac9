"""Evaluation by cross-validation over speakers: how well a model recognises emotion."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

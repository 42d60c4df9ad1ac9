"""Pictures: Axes in, Axes out; nothing is shown or saved here.

Every function draws on the Axes it is given, or makes a figure of fitting size.
Headings stand on the left: ``ax.set_title("Mine", loc="left")`` replaces one.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

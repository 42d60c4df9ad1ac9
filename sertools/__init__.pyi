from . import audio as audio
from . import calibration as calibration
from . import datasets as datasets
from . import evaluation as evaluation
from . import extras as extras
from . import features as features
from . import fetching as fetching
from . import inspection as inspection
from . import labels as labels
from . import metadata as metadata
from . import models as models
from . import plots as plots
from . import report as report
from . import store as store
from . import training as training
from . import trust as trust
from . import widgets as widgets
from .adapter import ExternalModelAdapter as ExternalModelAdapter

__version__: str

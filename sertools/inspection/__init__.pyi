from ._minimal_pairs import forced_choice as forced_choice
from ._minimal_pairs import minimal_pairs as minimal_pairs
from ._occlusion import occlusion as occlusion
from ._permutation_importance import permutation_importance as permutation_importance
from ._probing import probes as probes

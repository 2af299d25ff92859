"""The Contrastive tab: an embedding that is learned without labels, and what augmentations make it forget."""

from demos._ui import images
from demos._ui.tab import Tab
from demos.contrastive import _api, _models, _samples, cluster, find, forget, map, model, train, views
from genai_core.contrastive import augment, evaluation, losses, neighbours, simclr, structure
from genai_core.contrastive import live as core

HOW = r"""
**Contrastive learning** makes an embedding without labels. Of each picture two **views** are drawn at random: a crop,
other colours, a mirror image. A network must find the one by the other among the views of a whole batch. In **SimCLR**
(Chen 2020, [arXiv 2002.05709](https://arxiv.org/abs/2002.05709)) a backbone makes features $h$ of a view, a small
projection head makes $z$ of these, and with $s_{ij}$ the cosine of $z_i$ and $z_j$ the loss of the views $i$ and $j$
of one picture is a cross-entropy, called NT-Xent, or InfoNCE (Oord 2018, [arXiv
1807.03748](https://arxiv.org/abs/1807.03748)):

$$\ell_{ij} = -\log \frac{e^{s_{ij}/\tau}}{\sum_{k \ne i} e^{s_{ik}/\tau}}$$

The other views are the **negatives**. The lower the **temperature** $\tau$, the more only the most similar of them
count. Afterwards $z$ is thrown away, and $h$ is the embedding.

**Two forces.** The numerator pulls the views of a picture together (**alignment**), the denominator spreads pictures
over the unit sphere (**uniformity**; Wang & Isola 2020, [arXiv 2005.10242](https://arxiv.org/abs/2005.10242)). Without
the second there is **collapse**: one vector for all pictures has a loss of 0. Negatives are one remedy. **VICReg**
(Bardes 2022, [arXiv 2105.04906](https://arxiv.org/abs/2105.04906)) has none: it asks for variance in every number of
$z$, and for numbers that are not correlated. How many directions an embedding uses is its **effective rank**, the
exponential of the entropy of its singular values.

**Augmentations decide what is forgotten.** What differs between two views of a picture cannot help to find one by the
other, so an embedding need not keep it; what both share and other pictures lack is what it learns. Colour jitter takes
colour away, and without jitter colour alone may be enough, so that nothing else is learned.

**What it is good for.** The features are frozen, and a **linear probe**, one linear map, is fitted to them on labels.
**Nearest neighbours** need not even these, and a picture without near ones is an anomaly (Sun 2022, [arXiv
2204.06507](https://arxiv.org/abs/2204.06507)).

**Looking at it.** Two dimensions show a part of an embedding: **PCA** has the two directions of the largest variance,
**t-SNE** (van der Maaten & Hinton 2008) keeps neighbours and gives up distances. The vote of the nearest in the whole
space says what is there. **k-means** groups without labels; how its clusters agree with values is said by **NMI**
(normalised mutual information) and **ARI** (adjusted Rand index; Hubert & Arabie 1985), which is 0 for chance.
"""


def pairs() -> dict:
    """Pictures, and two views of each."""
    return {"image": images.png(train.views(**train.CHOSEN)), "alt": "Pictures, and below each two views of it"}


TAB = Tab(
    title="Contrastive",
    group="Pictures and words",
    headline="Two views of one picture",
    text="Watch an embedding sort pictures with no label, see it collapse, and find out what augmentations make it "
    "forget.",
    picture=pairs,
    parts=(model.PART, train.PART, views.PART, map.PART, forget.PART, find.PART, cluster.PART),
    how=HOW,
    sources=(
        augment.draw,
        augment.colour,
        losses.nt_xent,
        losses.vicreg,
        losses.effective_rank,
        simclr.SimCLR,
        simclr.loss,
        simclr.train,
        core.train_simclr,
        evaluation.linear_probe,
        evaluation.attribute_accuracies,
        neighbours.Gallery,
        structure.plane,
        structure.leave_one_out,
        structure.k_means,
    ),
    cards=_models.SCENES,
    endpoints=_api.ENDPOINTS,
    warm=_samples.warm,
)

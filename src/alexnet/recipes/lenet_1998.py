"""LeNet-5 of 1998 on MNIST at 32 pixels, one picture a step, as far as a plain gradient can follow the paper.

Expected: 0.95 % error on the 10,000 test images, one view; 0.8 % with distorted pictures added ([L] §III).
Cost: two to three days on one 200 MHz R10000 in 1998 ([L] §III); 1.2e12 multiply-adds.
Source: [L] LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998),
§II.B and §III.B: 20 passes, global rates .0005, .0002, .0001, .00005 and .00001 for 2, 3, 3, 4 and 8 of them.
Left out: the paper divides the global rate by 0.02 plus the curvature of the loss along each weight, measured
on 500 pictures before each pass (stochastic diagonal Levenberg–Marquardt); here all weights learn at the
global rate itself. Its loss has a class of rubbish beside the ten; here it is a softmax over minus the
distances. It added distorted pictures to the plain ones; with `--set affine.shear=0.2`, and so on, all are
distorted, by strengths that are ours.
Differs: pictures are brought to mean 0 and deviation 1, which the paper's -0.1 for paper and 1.175 for ink
about are; --size 32 enlarges what it pads.
Run: alexnet prepare MNIST packed/mnist-32 --size 32 &&
alexnet train lenet-1998 --data packed/mnist-32 --out runs/lenet-1998
"""

from alexnet.recipe import Recipe
from alexnet.schedule import Pieces

RECIPE = Recipe(
    name="lenet-1998",
    network="lenet-1998",
    channels=1,
    crop=32,
    mean="channel",
    divide_by="deviation",
    epochs=20,
    batch=1,
    optimizer="sgd",
    learning_rate=Pieces(starts=(0, 2, 5, 8, 12), values=(5e-4, 2e-4, 1e-4, 5e-5, 1e-5)),
    momentum=0.0,
)

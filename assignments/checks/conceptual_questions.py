"""The questions of `conceptual_questions`: what each is worth, and what each wrong choice is told.

The right answers are the solution regions of the notebook; see `autograder.closed`.
"""

from autograder.closed import match, multiple, numeric, single

# ------------------------------------------------------------------------- names and numbers

NAMES = [
    numeric(
        "count_layers",
        points=1,
        why={
            4: "The input is counted too. It has no weights and computes nothing, so by convention it is no layer.",
            2: "Only the hidden layers are counted. The output layer has weights of its own and counts as well.",
            160: "These are the units. The question is about layers, the steps between the arrays.",
        },
    ),
    numeric(
        "mlp_parameters",
        points=2,
        why={
            203264: "The biases are missing: each unit of both layers has one.",
            203520: "The biases of the output layer are missing.",
            203274: "The biases of the hidden layer are missing.",
            200960: "This is the first layer alone; the second has weights and biases too.",
            1050: "Units are counted here. A weight belongs to a pair of units, one on either side of a layer.",
        },
    ),
    single(
        "weight_shape",
        points=1,
        right="256x10",
        why={
            "10x256": "This is the transpose, for books that write W x + b. With x on the left the inner sizes do not fit.",
            "nx10": "This is the shape of the scores. Weights do not know how many examples come along.",
            "256x256": "Such weights would give as many outputs as there are hidden units; ten classes need ten scores.",
        },
    ),
    multiple(
        "hyperparameters",
        points=2,
        right={"learning_rate", "hidden_units", "batch_size"},
        why={
            "weights": "They are what the gradient changes: the very thing that is learnt.",
            "biases": "They get a gradient in every step, db, and follow it like everything that is learnt.",
            "gamma": "The scale of batch normalisation has a gradient of its own and is learnt with the rest.",
        },
    ),
]

# ----------------------------------------------------------------- straight lines and bent ones

LINES = [
    single(
        "affine_or_linear",
        points=1,
        right="affine_only",
        why={
            "linear_only": "A map of this kind would send 0 to 0. Compute f(0).",
            "both": "Test f(2x) = 2 f(x) at x = 1 before you grant both names.",
            "neither": "A matrix product (here 1 by 1) plus a constant does have a name among these.",
        },
    ),
    single(
        "narrow_middle",
        points=2,
        right="fewer",
        why={
            "more": "A product of matrices is one matrix again. Stacking adds nothing as long as nothing bends in between.",
            "same": "True for a wide middle. Here everything squeezes through 5 numbers; what is the rank of the product then?",
            "no_shared": "Some maps can be done both ways, for instance the one that sends everything to zero.",
        },
    ),
    numeric(
        "relu_pieces",
        points=1,
        why={
            7: "This counts the kinks. Seven cuts divide a line into how many pieces?",
            14: "Each unit has two states, but along a line they change one at a time, so states do not simply add up.",
            128: "Seven gates have that many patterns on paper. Walk along the line and count how many you can meet.",
        },
    ),
    multiple(
        "universal_approximation",
        points=2,
        right={"some_width_exists", "one_hidden_layer"},
        why={
            "training_finds_it": "The theorem says that good weights exist. It is silent on whether gradient descent gets there.",
            "few_units_suffice": "The number of units may have to be astronomically large; no bound comes with the promise.",
            "holds_everywhere": "The promise is for a closed, bounded region. Beyond it ReLUs run off in straight lines.",
            "any_nonlinearity": "Polynomials bend, too, yet a layer of squares gives only quadratics, whatever its width.",
        },
    ),
]

# ------------------------------------------------------------------------------ slopes by hand

SLOPES = [
    numeric(
        "chain_of_two",
        points=2,
        why={
            6: "This is the slope of the square alone, 2q. Multiply it by the slope of q along x.",
            -3: "The square has the slope 2q, not q.",
            -1: "This is the local slope of q along x. The slope of the square above it is still to be multiplied in.",
            12: "The slope of q = xy + z along x is y. Here x was taken.",
            9: "This is f itself, not its slope.",
        },
    ),
    numeric(
        "two_paths",
        points=2,
        why={
            48: "Only the path through a is counted. Here x also acts through b, and slopes of paths add up.",
            96: "Only the path through b is counted. Here x also acts through a, and slopes of paths add up.",
            24: "The two local slopes were multiplied. The slope of a product is not the product of the slopes.",
            4608: "Slopes are multiplied along a path, but the two paths are added.",
            192: "This is the value a times b. How fast does it rise with x?",
        },
    ),
    numeric(
        "sigmoid_neuron",
        points=2,
        why={
            0.25: "This is the slope along z. One step further down, dz/dw is missing.",
            -0.5: "The value of the sigmoid was taken for its slope, which is s(1 - s).",
            0.5: "This is the slope along x. The question is about w: what multiplies w in z?",
            -1: "The local slope of the sigmoid is left out.",
        },
    ),
    single(
        "shape_of_dw",
        points=2,
        right="xT_dout",
        why={
            "doutT_x": "This product exists, but it has shape (7, 12): the transpose of what is needed.",
            "x_doutT": "The inner sizes, 12 and 7, differ, so there is no such product.",
            "dout_wT": "This is dx, the gradient for the input: it has shape (5, 12).",
        },
    ),
]

# --------------------------------------------------------------------- silent and lopsided units

UNITS = [
    match(
        "meet_the_units",
        points=2,
        items=("1", "2", "3", "4"),
        why={
            "sigmoid": "Look for the one that starts at 0, ends at 1 and passes through one half.",
            "tanh": "Look for the S that is symmetric about the origin.",
            "relu": "Look for a corner with a perfectly flat arm.",
            "elu": "Look for a straight arm and a bent one that levels out at -1, without a corner.",
        },
    ),
    multiple(
        "silent_when_large",
        points=2,
        right={"sigmoid", "tanh"},
        why={
            "relu": "For positive inputs its graph is the diagonal: what is the slope of a diagonal?",
            "leaky_relu": "On this side it is the diagonal, however far out you go; only its other side is nearly flat.",
            "elu": "Its exponential works on the negative side only; to the right it climbs without end.",
        },
    ),
    single(
        "exactly_zero",
        points=1,
        right="relu",
        why={
            "sigmoid": "Its slope at -10 is about 0.000045: hardly anything, yet more than nothing.",
            "tanh": "Flat to the eye, but the slope 1 - tanh(x)^2 is positive for every x.",
            "leaky_relu": "It was invented against just this: its slope there is 0.01.",
            "elu": "Its slope there is e to the -10: tiny, but a little of the gradient gets through.",
        },
    ),
    numeric(
        "ten_sigmoids",
        points=2,
        rtol=0.02,
        why={
            0.5**10: "The value at 0, one half, was multiplied ten times. The slope there is smaller.",
            0.25: "This is one sigmoid. The slopes of ten in a row are multiplied.",
            2.5: "Slopes along one path are multiplied, not added.",
            1: "Not even at its steepest point has the sigmoid slope 1.",
        },
    ),
    multiple(
        "both_signs",
        points=2,
        right={"tanh", "leaky_relu", "elu"},
        why={
            "sigmoid": "Its outputs lie between 0 and 1.",
            "relu": "The smallest output it has is 0.",
            "softplus": "It is the logarithm of something above 1, and such a logarithm is positive.",
        },
    ),
    single(
        "zigzag",
        points=2,
        right="same_sign",
        why={
            "all_positive": "The upstream gradient may have either sign, and it multiplies every entry.",
            "all_zero": "Each entry is an input times the upstream gradient, and inputs above zero are not zero.",
            "mean_zero": "For that some entries had to go up and others down; what could make them differ?",
        },
    ),
]

# -------------------------------------------------------------------------- windows that slide

WINDOWS = [
    numeric(
        "conv_size",
        points=2,
        why={
            29: "The pad is forgotten: it adds 3 on either side before the filter starts.",
            30.5: "The pad is added once. It is there on both sides.",
            30: "With the pad on one side only the division leaves a rest, which was dropped. The pad is on both sides.",
            31: "The last + 1 is missing: the starting position counts, too.",
            63: "The stride is forgotten: the filter moves two pixels at a time.",
        },
    ),
    numeric(
        "keep_the_size",
        points=1,
        why={
            6: "This is the pad of both sides together.",
            7: "This is the size of the filter. The output would grow.",
            0: "Without a pad the output shrinks by 6.",
            2: "This would do for a filter of size 5.",
        },
    ),
    numeric(
        "conv_parameters",
        points=2,
        why={
            1200: "The biases are forgotten: one for each filter.",
            416: "The channels are forgotten: each filter looks at all three of them.",
            400: "Neither the three channels nor the biases are counted.",
            76: "This is one filter; there are sixteen.",
            1245184: "This pays anew at every position. The point of a convolution is that one filter is shared by all.",
        },
    ),
    multiple(
        "conv_or_dense",
        points=2,
        right={"shared_weights", "local_view"},
        why={
            "more_weights": "It is the other way round: a few numbers a filter against one for each pair of pixel and unit.",
            "pixel_order_free": "Shuffle the pixels and neighbours are torn apart. A fully connected layer would not mind.",
            "only_one_size": "A filter slides over pictures of any size; the fully connected layer is the one that cannot.",
        },
    ),
    numeric(
        "receptive_field",
        points=1,
        why={
            9: "The windows overlap: each new layer adds 2, not 3.",
            27: "The sizes do not multiply; that would need strides of 3.",
            3: "This is what one layer sees. Its inputs have seen more than one pixel each.",
            5: "This is two layers.",
        },
    ),
    numeric(
        "pool_entries",
        points=2,
        why={
            115200: "Nothing has become smaller. Each window of four gives one number.",
            57600: "Only one direction is halved.",
            1800: "The channels are pooled together as well. Pooling treats each channel by itself.",
            3600: "This is one picture; the batch has eight.",
        },
    ),
    numeric(
        "pool_gradient",
        points=1,
        why={
            8: "This is what the entry 4 receives. Did the 3 win?",
            2: "Sharing equally is what average pooling does.",
            2.4: "The gradient is not shared out by size: the output depended on one entry only.",
            3: "This is the entry itself, not its gradient.",
        },
    ),
]

# ---------------------------------------------------------------------------- a good beginning

BEGINNINGS = [
    match(
        "ten_layers",
        points=3,
        items=("A", "B", "C", "D"),
        why={
            "zeros": "Without weights nothing is left after the very first layer.",
            "small": "Here each layer shrinks the signal by the same large factor, so it fades away step by step.",
            "xavier": "Made to keep the spread about as it was: no sudden change anywhere.",
            "large": "Nearly all units are driven to -1 or 1, so the spread is near 1 from the first layer on.",
        },
    ),
    single(
        "all_zero_weights",
        points=2,
        right="stay_alike",
        why={
            "loss_infinite": "All scores are zero, so every class gets the same probability, and the loss is a modest log C.",
            "explode": "Gradients are products with these weights: there is nothing here that could grow.",
            "just_slower": "No patience helps. Ask what could ever make the first hidden unit differ from the second.",
        },
    ),
    numeric(
        "he_std",
        points=2,
        rtol=0.01,
        why={
            0.0441942: "This is Xavier's rule. It does not know that ReLU removes half of the signal.",
            0.00390625: "This is the variance. The question asks for the standard deviation.",
            0.00276: "The 2 stands inside the root, and so does the 512.",
            0.03125: "The 2 belongs above the line, not below it.",
        },
    ),
    single(
        "batchnorm_mode",
        points=2,
        right="running",
        why={
            "test_batch": "Then the answer for one picture would depend on which others happen to come with it.",
            "test_set": "Whoever uses the network has one picture at a time, and no picture may wait for the others.",
            "none": "The layers above have learnt from normalised inputs. Without them they would meet a different world.",
        },
    ),
    numeric(
        "batchnorm_value",
        points=2,
        rtol=0.001,
        why={
            1: "The picture was normalised by its own statistics: alone in its batch it is its own mean, so only beta is left.",
            7 / 3: "It was divided by the variance; the standard deviation is its root.",
            4: "Beta is left out.",
            3: "Gamma is left out.",
            2: "Gamma and beta are left out.",
        },
    ),
    numeric(
        "first_loss",
        points=1,
        rtol=0.01,
        why={
            -2.302585: "The logarithm of a probability is negative; the loss is minus that logarithm.",
            1: "The loss uses the natural logarithm; this is the one to base 10.",
            0.1: "This is the probability of the right class. The loss is minus its logarithm.",
            0: "That would be certainty. An untrained network spreads its bets over all classes.",
            0.9: "This is the share of wrong guesses, not the loss.",
        },
    ),
]

# ------------------------------------------------------------------------- turning the knobs

KNOBS = [
    match(
        "read_the_rates",
        points=3,
        items=("A", "B", "C", "D"),
        why={
            "too_low": "Look for a curve that is still nearly a straight line at the end, far from any floor.",
            "good": "Look for a steady fall, steep at first, that ends lowest.",
            "too_high": "Look for a quick start that gets stuck and jumps about well above the best curve.",
            "diverging": "Look for a curve that ends above where it began.",
        },
    ),
    numeric(
        "grid_against_random",
        points=1,
        why={
            25: "This is what random search tries. The grid tries some different values, too; subtract them.",
            5: "This is what the grid tries.",
            0: "Both train 25 networks, but a grid repeats each value again and again.",
            24: "A grid of 25 has more than one value in each direction.",
        },
    ),
    numeric(
        "uniform_share",
        points=1,
        atol=0.01,
        why={
            0.25: "This is the share when the *exponent* is drawn uniformly: one of four powers of ten.",
            0.1: "This is the share below 0.01.",
            0.5: "Halfway between the ends is 0.05, not 0.01.",
        },
    ),
    single(
        "whose_score",
        points=2,
        right="validation",
        why={
            "training": "On pictures it has seen, the network with the best memory wins.",
            "test": "Then the final number would be the best of many tries on the same pictures, and flattering.",
            "all_together": "The seen pictures outnumber the others, and nothing unseen is left for the end.",
        },
    ),
]

# ------------------------------------------------------------------------- too much, too little

GAPS = [
    single(
        "which_error",
        points=2,
        right="variance",
        why={
            "bias": "The middle of the twenty curves lies nearly on the true one: nothing pulls them all to one side.",
            "noise": "This is the scatter of the dots about the true curve. It is in the data, whoever fits them.",
            "neither": "The single curves are far from the true one, so each of them does err.",
        },
    ),
    match(
        "four_runs",
        points=2,
        items=("first", "second", "third", "fourth"),
        why={
            "overfits": "This is a wide gap: much better on what was seen than on what was not.",
            "underfits": "Here both are clearly above guessing, close together and too low.",
            "fits": "Both are high, and close together.",
            "not_learning": "Ten classes: what would guessing reach?",
        },
    ),
    multiple(
        "against_overfitting",
        points=3,
        right={"more_data", "weight_decay", "dropout", "early_stopping"},
        why={
            "more_units": "This gives the network more room to learn single pictures by heart.",
            "train_longer": "The longer it looks at the same pictures, the more of their accidents it learns.",
            "easier_validation": "The number rises, but the network is the same: on new pictures it errs as often as before.",
        },
    ),
    multiple(
        "against_underfitting",
        points=2,
        right={"larger_network", "smaller_penalty"},
        why={
            "more_data": "The network cannot fit what it has. More of the same makes that no easier.",
            "more_dropout": "Switching off units takes capacity away, and too little of it is the trouble here.",
            "stop_earlier": "It has not learnt enough yet; less time makes it less.",
        },
    ),
]

# -------------------------------------------------------------------------------- how it came

HISTORY = [
    match(
        "six_years",
        points=3,
        items=("1957", "1960", "1969", "1986", "2006", "2012"),
        why={
            "perceptron": "Rosenblatt's report stands at the very beginning of this table.",
            "adaline": "Widrow and Hoff followed within three years of Rosenblatt.",
            "limits_proved": "Minsky and Papert's book came after a decade of enthusiasm, and cooled it.",
            "backpropagation": "Rumelhart, Hinton and Williams wrote when the field had been quiet for more than ten years.",
            "pretraining": "Learning one layer at a time gave the word deep its present sound, years before ImageNet was won.",
            "alexnet": "It needed ImageNet and fast graphics cards, so it is late in this table.",
        },
    ),
    single(
        "xor",
        points=1,
        right="no_line",
        why={
            "too_few_points": "There are only four cases in all, and it may see each of them as often as it likes.",
            "no_slope": "The step has no useful slope, but the perceptron's rule needs none; it learns AND and OR quite well.",
            "wrong_rate": "Whatever the step size, there would have to be weights to arrive at. Try to draw them.",
        },
    ),
    single(
        "adaline_idea",
        points=2,
        right="before_the_step",
        why={
            "hidden_layer": "It has one layer of weights; even of Madaline, many such units side by side, only one layer learnt.",
            "random_weights": "Nothing is left to chance: each change of its weights goes down the slope of the squared error.",
            "several_classes": "A single unit of this kind says yes or no, as its predecessor did.",
        },
    ),
    multiple(
        "why_2012",
        points=2,
        right={"imagenet", "graphics_cards", "relu_units", "dropout"},
        why={
            "batchnorm": "It was published in 2015, three years too late.",
            "attention": "The networks built on it are of 2017.",
            "new_gradients": "The gradients were found as in 1986. It was the surroundings that had changed.",
        },
    ),
    match(
        "after_2012",
        points=2,
        items=("2014", "2015", "2016", "2017"),
        why={
            "adversarial_nets": "Goodfellow's generator and discriminator came soonest after AlexNet of all these.",
            "residual_nets": "The shortcut that made 152 layers trainable came the year before the famous Go match.",
            "alphago": "The match against Lee Sedol was in Seoul in March, a year before attention was all you need.",
            "transformer": "Attention alone, without recurrence, is the youngest of these.",
            "lstm": "Long short-term memory is much older than all the years of this table: Hochreiter and Schmidhuber, 1997.",
        },
    ),
]

# ------------------------------------------------------------------------------------- equivalent mutants

_NUMBERS = {question.name: question for question in [*SLOPES, *WINDOWS, *BEGINNINGS, *KNOBS]}


def _same(name, *others, why="It comes to the same number, and the number is the answer."):
    """Declare mutants of the sum in the solution of a question that give a right answer too."""
    for other in others:
        _NUMBERS[name].equivalent(f"{name}:1 {other}", why)


_same(
    "chain_of_two",
    "2 * (2 * -1 + 5) * -1 -> 2 * (2 * -1 + 5) / -1",
    "2 * (2 * -1 + 5) * -1 -> 2 * (2 * -1 + 5) // -1",
    "2 * -1 + 5 -> 2 * -1 % 5",
    "2 * -1 + 5 -> 2 / -1 + 5",
    "2 * -1 + 5 -> 2 // -1 + 5",
)
_same(
    "sigmoid_neuron",
    "0.5 * (1 - 0.5) * -1 -> 0.5 * (1 - 0.5) / -1",
    "0.5 * (1 - 0.5) -> 0.5 * (1 * 0.5)",
    "0.5 * (1 - 0.5) -> 0.5 * 0.5",
)
_same(
    "conv_size",
    "(63 + 2 * 3 - 7) // 2 -> (63 + 2 * 3 - 7) / 2",
    "63 + 2 * 3 -> 64 + 2 * 3",
    "63 + 2 * 3 - 7 -> 63 + 2 * 3 - 6",
)
_same(
    "keep_the_size",
    "(7 - 1) // 2 -> (7 - 1) / 2",
    "(7 - 1) // 2 -> 7 * 1 // 2",
    "(7 - 1) // 2 -> 7 / 1 // 2",
    "(7 - 1) // 2 -> 7 // 1 // 2",
    "(7 - 1) // 2 -> 7 ** 1 // 2",
    "(7 - 1) // 2 -> 7 // 2",
    "(7 - 1) // 2 -> (8 - 1) // 2",
    "(7 - 1) // 2 -> (7 - 0) // 2",
)
_same("batchnorm_value", "2 * (10 - 4) / 9 ** 0.5 -> 2 * (10 - 4) // 9 ** 0.5")
_same(
    "he_std",
    "(2 / 512) ** 0.5 -> (2 / 513) ** 0.5",
    "(2 / 512) ** 0.5 -> (2 / 511) ** 0.5",
    why="It is within one percent, which is all that is asked.",
)
_same(
    "uniform_share",
    "0.1 - 1e-05 -> 0.1 + 1e-05",
    "0.1 - 1e-05 -> 0.1",
    "0.1 - 1e-05 -> 0.1 - 2e-05",
    "0.1 - 1e-05 -> 0.1 - 5e-06",
    why="It is within 0.01, which is all that is asked: next to 0.1 the lower end is nothing.",
)

"""Keras 3's example "Image classification from scratch": a small Xception; pictures mirrored, turned; Adam.

Run: python keras_example.py PICTURES --minutes 10 --seed 0
Source: keras.io/examples/vision/image_classification_from_scratch (F. Chollet). Its sizes and settings,
written anew; its loss is of two classes, here of several.
"""

from asked import Asked, answer, asked, spent  # isort: skip  (first: its clock starts here)

import keras
import tensorflow as tf
from keras import layers

BATCH = 128
RATE = 3e-4
STAGES = (256, 512, 728)


class Until(keras.callbacks.Callback):
    """Ends the training when its time is over, also within an epoch."""

    def __init__(self, wish: Asked, reserve: float = 0.0) -> None:
        super().__init__()
        self.wish, self.reserve = wish, reserve

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the clock."""
        if self.wish.left() < self.reserve:
            self.model.stop_training = True


def main() -> None:
    """Train until the time is over."""
    wish = asked("keras")
    keras.utils.set_random_seed(wish.seed)
    train, val = (pictures(wish, split) for split in ("train", "val"))
    changed = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
    train = train.map(lambda images, labels: (changed(images, training=True), labels), tf.data.AUTOTUNE)
    network = small_xception(wish.side, wish.classes())
    network.compile(
        optimizer=keras.optimizers.Adam(RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    told = network.fit(
        train.prefetch(tf.data.AUTOTUNE),
        epochs=10_000,
        callbacks=[Until(wish, reserve=3.0)],
        validation_data=val,
        verbose=2,
    )
    seconds = spent()
    errors = [100.0 * (1.0 - accuracy) for accuracy in told.history["val_accuracy"]]
    final = 100.0 * (1.0 - network.evaluate(val, verbose=0, return_dict=True)["accuracy"])
    answer("keras", ["keras", "tensorflow-cpu"], seconds, len(errors), [*errors, final])


def pictures(wish: Asked, split: str) -> "tf.data.Dataset":
    """Batches of images 0..255 and labels."""
    return keras.utils.image_dataset_from_directory(
        wish.pictures / split,
        image_size=(wish.side, wish.side),
        batch_size=BATCH,
        shuffle=split == "train",
        seed=wish.seed,
    ).prefetch(tf.data.AUTOTUNE)


def small_xception(side: int, classes: int) -> keras.Model:
    """The example's network: three stages of two separable convolutions beside a projection."""
    inputs = keras.Input((side, side, 3))
    maps = layers.Rescaling(1.0 / 255)(inputs)
    maps = activated(layers.Conv2D(128, 3, strides=2, padding="same")(maps))
    for width in STAGES:
        beside = layers.Conv2D(width, 1, strides=2, padding="same")(maps)
        for _ in range(2):
            maps = layers.Activation("relu")(maps)
            maps = layers.SeparableConv2D(width, 3, padding="same")(maps)
            maps = layers.BatchNormalization()(maps)
        maps = layers.MaxPooling2D(3, strides=2, padding="same")(maps)
        maps = layers.add([maps, beside])
    maps = activated(layers.SeparableConv2D(1024, 3, padding="same")(maps))
    features = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(maps))
    return keras.Model(inputs, layers.Dense(classes)(features))


def activated(maps: keras.KerasTensor) -> keras.KerasTensor:
    """Batch norm and ReLU."""
    return layers.Activation("relu")(layers.BatchNormalization()(maps))


if __name__ == "__main__":
    main()

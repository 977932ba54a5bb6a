"""The JSON documents of the interface, as OpenAPI describes them."""

from typing import Annotated, Any

from pydantic import BaseModel, Field


class Likely(BaseModel):
    """A class and how probable it is."""

    name: Annotated[str, Field(serialization_alias="class", examples=["n02123045"])]
    title: Annotated[str, Field(description="What people call the class.", examples=["tabby cat"])]
    probability: Annotated[float, Field(ge=0, le=1, examples=[0.87])]


class Answer(BaseModel):
    """The most probable classes of one picture, best first; or why it could not be read."""

    image: Annotated[str, Field(description="The file name that came with it.", examples=["cat.jpg"])]
    top: list[Likely] | None
    error: Annotated[str | None, Field(examples=[None])]


class Classified(BaseModel):
    """An answer a picture, in the order of the request."""

    answers: list[Answer]


class Near(BaseModel):
    """A training picture that is near."""

    source: Annotated[str, Field(description="Its name in the data set.", examples=["tabby/0017.jpg"])]
    name: Annotated[str, Field(serialization_alias="class", examples=["n02123045"])]
    title: Annotated[str, Field(examples=["tabby cat"])]
    distance: Annotated[float, Field(ge=0, description="Euclidean, between features.", examples=[12.5])]
    picture: Annotated[str | None, Field(description="The picture as a data URL, where asked for.")]


class Neighbours(BaseModel):
    """The nearest training pictures of one picture, nearest first; or why it could not be read."""

    image: str
    neighbours: list[Near] | None
    error: str | None


class Similar(BaseModel):
    """Neighbours a picture, in the order of the request."""

    answers: list[Neighbours]


class Looked(BaseModel):
    """A look inside while the network answers one picture; pictures are data URLs."""

    name: Annotated[str, Field(serialization_alias="class")]
    title: str
    probability: float
    view: Annotated[str, Field(description="What the network reads of the picture.")]
    saliency: Annotated[str, Field(description="Which pixels move the logit of that class.")]
    gradcam: Annotated[str | None, Field(description="Which places of the last maps speak for it.")]
    kernels: Annotated[str | None, Field(description="Kernels of the first convolution.")]
    maps: Annotated[str | None, Field(description="What they answer: its feature maps.")]
    layer: Annotated[str | None, Field(description="The first convolution.")]


class Kind(BaseModel):
    """A class that the network knows."""

    name: Annotated[str, Field(serialization_alias="class")]
    title: str


class Errors(BaseModel):
    """Errors on pictures that were not trained on, per cent with 95 % intervals."""

    split: str
    images: int
    views: str
    top1_error: float
    top1_interval: tuple[float, float]
    top5_error: float
    top5_interval: tuple[float, float]


class Bounds(BaseModel):
    """What a request may hold."""

    picture_bytes: int
    picture_pixels: int
    request_bytes: int
    request_pictures: int
    answer_seconds: float


class Sample(BaseModel):
    """A picture to try, of the split that was not trained on."""

    number: int
    title: str


class Model(BaseModel):
    """What answers here, how good it is, and what it takes."""

    name: str
    network: str
    classes: list[Kind]
    card: dict[str, Any]
    errors: Errors | None
    trained_on: Annotated[int | None, Field(description="Training pictures, where the data set is at hand.")]
    engine: str
    limits: Bounds
    samples: list[Sample]
    similar: Annotated[str | None, Field(description="Null where POST /v1/similar answers, or why not.")]
    look: Annotated[str | None, Field(description="Null where POST /v1/look answers, or why not.")]
    report: Annotated[str | None, Field(description="Null where there is a report, or why not.")]
    caution: str


class Ticket(BaseModel):
    """Where the report can be opened, once, within a minute."""

    url: str


class Health(BaseModel):
    """Whether the server is there, or ready."""

    status: str


class Trouble(BaseModel):
    """Why a request is not answered (RFC 9457)."""

    status: Annotated[int, Field(examples=[422])]
    title: Annotated[str, Field(examples=["Unprocessable Content"])]
    detail: Annotated[str, Field(examples=["empty file"])]

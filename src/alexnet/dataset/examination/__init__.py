"""What is wrong with pictures, before anything else: a source is read whole and never changed.

traits ──▶ sight ──▶ rows ──▶ duplicates · near · figures ──▶ findings ──▶ report
"""

from alexnet.dataset.examination.findings import Finding
from alexnet.dataset.examination.packs import examine_manifests, examine_pack
from alexnet.dataset.examination.pictures import examine
from alexnet.dataset.examination.report import Report

__all__ = ["Finding", "Report", "examine", "examine_manifests", "examine_pack"]

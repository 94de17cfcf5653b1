"""Fine-tuning of the vehicle detector on labelled boxes.

In: pictures with boxes (YOLO, COCO, Label Studio). Out: a measured, registered INT8 model.
"""

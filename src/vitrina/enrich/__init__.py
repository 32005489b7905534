"""From the queue to stored answers: worker, pipeline, stages."""

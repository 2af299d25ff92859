"""What every technique uses: checkpoints, training loops, model cards, the Hub, the vector store."""

"""What pages say, analysed by OpenAI."""

"""Live trading: the same line on the market, with a journal, a broker and controls around it."""

"""Where records and operations are kept, behind one small interface."""

"""What a run leaves behind: for programs (``json_report``) and for people (``console``)."""

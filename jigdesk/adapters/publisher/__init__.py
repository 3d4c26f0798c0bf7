"""Where browsers listen: the event stream of this desk, or Pusher Channels."""

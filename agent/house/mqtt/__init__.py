"""The box over MQTT: what it is and does is published, commands are taken, and Home Assistant finds it by itself."""
